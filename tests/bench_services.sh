#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# Nodes of services die on a 4x4 mesh while a sender goes on:
#  - fifty times one after another, with one service on each pair of nodes: from the link going down to the first packet
#    at the new node, and from the trap that tells the SM of it to that packet, beside OpenSM's sweep after the same
#    faults without services;
#  - once, with a thousand services on the node, which one sweep moves;
#  - the blocks of multicast tables that OpenSM wrote for it, beside those whose content really changed.
#
#   bench_services.sh [--failovers N] [--services N]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/figure.sh"

failovers=50
services=1000

while [ $# -gt 0 ]; do
	case $1 in
	--figures)
		printf '%s\n' mcast_gap_ms_median mcast_gap_ms_worst mcast_known_to_right_ms_median \
			mcast_known_to_right_ms_worst mcast_blocks_written_vs_needed mcast_1000_services_ms \
			mcast_1000_services_blocks
		exit
		;;
	--failovers | --services)
		declare "${1#--}=$2"
		shift
		;;
	*)
		echo "bench_services.sh: $1: allowed are --failovers N and --services N" >&2
		exit 2
		;;
	esac
	shift
done

build=${top_builddir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build" && pwd)}
work=$(mktemp -d "${TMPDIR:-/tmp}/hf-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
: "${HF_BENCH_JSON:=$work/figures}"

# OpenSM takes no notice of a switch that has sent more than ten traps in a row, so several pairs of nodes take turns;
# one of each pair is back before the other goes.
pairs=("H_3_3_0 H_0_3_0" "H_3_2_0 H_0_2_0" "H_3_1_0 H_0_1_0" "H_3_0_0 H_1_0_0" "H_1_3_0 H_2_3_0" "H_1_2_0 H_2_2_0")

# write_scenario NAME INTERVAL_US FAILOVERS: nodes die and come back. Without an interval there are no services.
write_scenario() {
	local i pair dying

	{
		printf 'watchdog_s = 1200\nmeasure = mads\nfabric { kind = mesh  size = 4x4  hosts = 1 }\n'
		printf 'hosts { run = { H_1_1_0 }  connections = none }\n'
		[ -z "$2" ] || printf 'services { file = %s.services  from = H_0_0_0  interval_us = %s }\n' "$1" "$2"
		for ((i = 0; i < $3; i++)); do
			read -ra pair <<<"${pairs[i % ${#pairs[@]}]}"
			dying=${pair[i / ${#pairs[@]} % 2]}
			printf 'fault down-%d { kind = node-down  node = %s }\n' "$i" "$dying"
			printf 'fault up-%d { kind = node-up  node = %s }\n' "$i" "$dying"
		done
	} >"$work/$1.conf"
}

# service NAME NUMBER PAIR
service() {
	printf 'service s%d { mgid = "ff12:a01b::%x"  nodes = { %s }  hold_down_ms = 0 }\n' "$2" "$2" "${3/ /, }" \
		>>"$work/$1.services"
}

run() {
	"$build/tools/hfsim" run "$work/$1.conf" --dir "$work/$1" --keep --json "$work/$1.json" >"$work/$1.log" 2>&1 || {
		cat "$work/$1.log" >&2
		exit 1
	}
}

# downs NAME EXPRESSION: of each node that died
downs() { jq ".faults[] | select(.kind == \"node-down\") | $2" "$work/$1.json"; }

median() { jq -s 'sort | .[length / 2 | floor]'; }
worst() { jq -s max; }

# row WHAT OURS REFERENCE REFERENCE_NAME FIGURE UNIT
row() {
	printf '%-52s %10.2f %10.2f  %s\n' "$1" "$2" "$3" "$4"
	figure "$5" "$2" "$3" "$4" "$6"
}

write_scenario gap 200 "$failovers"
for i in "${!pairs[@]}"; do
	service gap "$((i + 1))" "${pairs[i]}"
done
write_scenario none "" "$failovers"
write_scenario many 200000 1
for i in $(seq "$services"); do
	service many "$i" "${pairs[0]}"
done
run gap
run none
run many

[ "$(downs gap .services_moved | grep -cx 1)" -eq "$failovers" ] || { echo "not each failover was one" >&2; exit 1; }
[ "$(downs many .services_moved)" -eq "$services" ] || { echo "not all services moved" >&2; exit 1; }

sweep="OpenSM's sweep without services, cable to SUBNET UP"
routed="OpenSM's sweep without services, trap to SUBNET UP"
printf 'load %s\n%-52s %10s %10s  %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)" "$failovers failovers" ours reference \
	"reference is"
row "cable down to first packet at the new node, median" "$(downs gap .ms_moved | median)" \
	"$(downs none .ms_subnet_up | median)" "$sweep" mcast_gap_ms_median ms
row "the same, worst" "$(downs gap .ms_moved | worst)" "$(downs none .ms_subnet_up | worst)" "$sweep" \
	mcast_gap_ms_worst ms
row "trap at the SM to that packet, median" "$(downs gap '.ms_moved - .ms_trap' | median)" \
	"$(downs none '.ms_subnet_up - .ms_trap' | median)" "$routed" mcast_known_to_right_ms_median ms
row "the same, worst" "$(downs gap '.ms_moved - .ms_trap' | worst)" \
	"$(downs none '.ms_subnet_up - .ms_trap' | worst)" "$routed" mcast_known_to_right_ms_worst ms

sum() { awk -v column="$1" '{ sum += $column } END { print sum + 0 }'; }
for name in gap many; do
	downs "$name" '"\(.cut_ns) \(.settled_ns)"' | tr -d '"' |
		"$build/tests/mft_blocks" "$work/$name/opensm.pcap" >"$work/$name.blocks"
done
row "blocks of multicast tables written" "$(sum 1 <"$work/gap.blocks")" "$(sum 2 <"$work/gap.blocks")" \
	"blocks that changed" mcast_blocks_written_vs_needed blocks
row "$services services on the node, cable down to SUBNET UP" "$(downs many .ms_subnet_up)" \
	"$(downs none .ms_subnet_up | median)" "$sweep" mcast_1000_services_ms ms
row "blocks written for them" "$(sum 1 <"$work/many.blocks")" "$(sum 2 <"$work/many.blocks")" "blocks that changed" \
	mcast_1000_services_blocks blocks
printf '%d SMPs for all of it, and %d other MADs; %d of %d packets lost, %d doubled\n' "$(downs many .smps)" \
	"$(downs many .mads_total)" "$(jq .packets_lost "$work/gap.json")" "$(jq .packets_sent "$work/gap.json")" \
	"$(jq .packets_doubled "$work/gap.json")"
