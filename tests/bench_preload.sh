#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# What libholdfast-verbs costs the programs that it is loaded into, on simulated adapters:
#  - when nothing happens: Debian's ib_send_lat and ib_send_bw without it, with it as it is by itself, and with it and all
#    work requests recorded, in turn;
#  - when a connection is moved: for how long ib_send_bw sends nothing, by each strategy, while the link in the middle of
#    a 3x2 mesh goes and comes, beside the longest pause of the same program after the same faults when it is not moved.
#
#   bench_preload.sh [--figures] [--turns N] [--runs N]
set -euo pipefail

strategies=(apm sqd reset)
turns=9 runs=5
while [ $# -gt 0 ]; do
	case $1 in
	--figures)
		printf '%s\n' preload_send_lat_ratio preload_send_bw_ratio preload_recorded_send_lat_ratio \
			preload_recorded_send_bw_ratio "${strategies[@]/#/interruption_ms_}"
		exit
		;;
	--turns | --runs)
		declare "${1#--}=${2:?$1 needs a number}"
		shift
		;;
	*)
		echo "bench_preload.sh: $1: allowed are --turns N and --runs N" >&2
		exit 2
		;;
	esac
	shift
done

# shellcheck source=tests/fabric.sh
. "$(dirname "${BASH_SOURCE[0]}")/fabric.sh"
# shellcheck source=tests/perftest.sh
. "$(dirname "${BASH_SOURCE[0]}")/perftest.sh"
hfsim=$build/tools/hfsim
with=$build/lib/.libs/libholdfast-verbs.so
daemon_pid=
trap 'end_process "$daemon_pid"; end_bench' EXIT

# Both ends of a program say what they have to one daemon, as on a host.
start_daemon() {
	export HOLDFAST_SOCKET=$work/programs
	mkfifo "$work/orders"
	"$build/tests/program_daemon" "$HOLDFAST_SOCKET" <"$work/orders" >"$work/daemon.log" 2>&1 3>&- &
	daemon_pid=$!
	exec 4>"$work/orders"
	until_true 30 test -S "$HOLDFAST_SOCKET"
}

# When nothing happens

# In cycles of the clock: a hundredth of a microsecond, as ib_send_lat has it else, is one in a hundred.
measure_cost() {
	local turn way

	start_perftest_fabric
	start_daemon
	for ((turn = 0; turn < turns; turn++)); do
		for way in without auto all; do
			export HOLDFAST_STRATEGY=$way
			preload=$with
			[ "$way" != without ] || preload=
			perftest 5 ib_send_lat -C -n 20000 >>"$work/lat.$way"
			perftest 4 ib_send_bw -n 20000 >>"$work/bw.$way"
		done
	done
	unset HOLDFAST_STRATEGY preload
	stop_fabric
	printf 'Medians of %d turns\n%-29s %9s %9s %6s %9s %6s\n' "$turns" '' without with ratio recorded ratio
	show lat 'ib_send_lat, 2 bytes, cycles' cycles
	show bw 'ib_send_bw, 64 KiB, MiB/s' MiB/s
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
show() {
	local without auto all

	without=$(median <"$work/$1.without") auto=$(median <"$work/$1.auto") all=$(median <"$work/$1.all")
	printf '%-29s %9s %9s %6s %9s %6s\n' "$2" "$without" "$auto" "$(ratio "$auto" "$without")" "$all" \
		"$(ratio "$all" "$without")"
	figure "preload_send_$1_ratio" "$auto" "$without" "ib_send_$1 without libholdfast-verbs" "$3"
	figure "preload_recorded_send_$1_ratio" "$all" "$without" "ib_send_$1 without libholdfast-verbs" "$3"
}

# When a connection is moved

# OpenSM takes no notice of a switch that has sent more than ten traps in a row: few faults in a run, and several runs.
write_scenario() {
	cat <<-END
		fabric { kind = mesh  size = 3x2  hosts = 1 }
		sm { engine = lash }
		hosts { connections = none }
		program bandwidth {
			run = "ib_send_bw -b -D 600"
			server = H_1_1_0
			client = H_0_1_0
		}
		fault down-1 { kind = unlink  link = { S_1_0, S_1_1 } }
		fault up-1 { kind = relink  link = { S_1_0, S_1_1 } }
		fault down-2 { kind = unlink  link = { S_1_0, S_1_1 } }
		fault up-2 { kind = relink  link = { S_1_0, S_1_1 } }
		must = { "programs_ended = 0", "programs_silent = 0" }
	END
}

# measure_moves STRATEGY: appends milliseconds without traffic to $work/STRATEGY, where it was moved or could not be
measure_moves() {
	local run

	for ((run = 0; run < runs; run++)); do
		TMPDIR=$work "$hfsim" run "$work/moves.conf" --set "strategy=$1" --json "$work/run.json" \
			>"$work/run.log" 2>&1 || { cat "$work/run.log" >&2; exit 1; }
		jq --arg strategy "$1" '.faults[].programs[] |
			select($strategy == "none" or .client.strategy == $strategy) | .ms_without_traffic' \
			"$work/run.json" >>"$work/$1"
		jq --arg strategy "$1" '.faults[].programs[] | select(.client.strategy == $strategy) |
			.client.ms_paused, .server.ms_paused' "$work/run.json" >>"$work/$1.paused"
		jq '.work_requests_lost' "$work/run.json" >>"$work/$1.lost"
	done
}

measure_interruption() {
	local strategy reference

	write_scenario >"$work/moves.conf"
	for strategy in none "${strategies[@]}"; do
		measure_moves "$strategy"
	done
	reference=$(median <"$work/none")
	printf '\nMilliseconds without traffic, %d runs of 4 faults\n%-10s %6s %8s %8s %10s %6s\n' "$runs" strategy moves \
		median worst stopped lost
	for strategy in none "${strategies[@]}"; do
		printf '%-10s %6s %8.2f %8.2f %10s %6s\n' "$strategy" \
			"$([ "$strategy" = none ] && echo - || wc -l <"$work/$strategy")" \
			"$(median <"$work/$strategy")" "$(sort -n "$work/$strategy" | tail -n 1)" \
			"$([ -s "$work/$strategy.paused" ] && median <"$work/$strategy.paused" || echo -)" \
			"$(awk '{ sum += $1 } END { print sum }' "$work/$strategy.lost")"
		[ "$strategy" = none ] || figure "interruption_ms_$strategy" "$(median <"$work/$strategy")" "$reference" \
			'the longest pause of the program when it is not moved' ms
	done
}

measure_cost
measure_interruption
