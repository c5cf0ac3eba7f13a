#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# What Debian's ib_write_bw and ib_send_lat measure between two simulated adapters at the far ends of a mesh, beside
# what two processes can do for each other through shared memory.
#
#   bench_verbs.sh [--turns N]
set -euo pipefail

if [ "${1:-}" = --figures ]; then
	printf '%s\n' simulated_write_bw_gbps simulated_send_lat_us
	exit
fi
turns=5
while [ $# -gt 0 ]; do
	case $1 in
	--turns)
		turns=${2:?--turns needs a number}
		shift 2
		;;
	*)
		echo "bench_verbs.sh: no such option: $1" >&2
		exit 2
		;;
	esac
done

# shellcheck source=tests/fabric.sh
. "$(dirname "${BASH_SOURCE[0]}")/fabric.sh"
# shellcheck source=tests/perftest.sh
. "$(dirname "${BASH_SOURCE[0]}")/perftest.sh"

start_perftest_fabric
for ((turn = 0; turn < turns; turn++)); do
	perftest 4 ib_write_bw -n 20000 >>"$work/write"
	"$build/tests/ipc_limits" bandwidth 2000000000 >>"$work/memcpy"
	perftest 5 ib_send_lat -n 20000 >>"$work/send"
	"$build/tests/ipc_limits" latency 20000 >>"$work/bounce"
done
# perftest counts in MiB
write=$(awk '{ print $1 * 1.048576 / 1000 }' "$work/write" | median)
memcpy=$(median <"$work/memcpy")
send=$(median <"$work/send")
bounce=$(median <"$work/bounce")
printf 'Medians of %d turns, 64 KiB and 2 bytes\n%-22s %8s %8s\n' "$turns" '' simulated limit
printf '%-22s %8.2f %8.2f\n' 'ib_write_bw, GB/s' "$write" "$memcpy" 'ib_send_lat, us' "$send" "$bounce"
figure simulated_write_bw_gbps "$write" "$memcpy" 'memcpy() from process to process through shared memory' GB/s
figure simulated_send_lat_us "$send" "$bounce" 'a word of shared memory there and back, halved' us
