#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# What Debian's ib_write_bw and ib_send_lat measure between two simulated adapters at the far ends of a mesh, beside what
# two processes can do for each other through shared memory.
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
export HF_FABRIC_MAP=$work/map
port=$((20000 + $$ % 20000))

start_fabric() {
	"$build/tests/topology_tool" generate mesh 3x2 1 >"$work/fabric.net"
	mkfifo "$work/console"
	LD_PRELOAD=$build/.libs/libhfsim-sma.so timeout -k 10 3600 ibsim -s "$work/fabric.net" <"$work/console" \
		>"$work/ibsim.log" 2>&1 3>&- &
	ibsim_pid=$!
	exec 3>"$work/console"
	until_true 30 grep -q 'Network simulator ready' "$work/ibsim.log"
	echo 'force_log_flush TRUE' >"$work/opensm.conf"
	: >"$work/opensm.log"
	LD_PRELOAD=$umad HF_UMAD_NODES=sm timeout -k 10 3600 opensm -f "$work/opensm.log" -F "$work/opensm.conf" \
		>"$work/opensm.out" 2>&1 3>&- &
	sm_pid=$!
	until_true "$start_seconds" grep -q 'SUBNET UP' "$work/opensm.log"
}

on() {
	local node=$1

	shift
	HF_UMAD_NODES=$node LD_PRELOAD=$build/.libs/libhfsim-verbs.so timeout 120 "$@"
}
is_listening() { grep -qi ":$(printf '%04X' "$port") [0:]* 0A" /proc/net/tcp /proc/net/tcp6; }

# perftest COLUMN program ...: the value in this column of the client's result
perftest() {
	local column=$1 server

	shift
	on H_0_0_0 "$@" -p "$port" >"$work/server.out" 2>&1 &
	server=$!
	until_true 30 is_listening
	on H_2_1_0 "$@" -p "$port" 127.0.0.1 >"$work/client.out" 2>&1 || { cat "$work/client.out" >&2; exit 1; }
	wait "$server"
	awk -v column="$column" '/#bytes/ { found = 1; next } found && NF >= column { print $column; exit }' \
		"$work/client.out"
}

start_fabric
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
