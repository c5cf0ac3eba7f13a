#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# One link fails on the 3x2 mesh and on the 4x4x4 torus, under LASH, in each signalling mode: the MADs that each mode
# needs beside those of the wildcard mode, and how much of the time from the cut to the last host's last connection is
# Holdfast's own (after routing and SUBNET UP) beside the whole.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/figure.sh"

scenarios=(mesh-to-ring torus-4x4x4)
modes=(wildcard repath-only hybrid)
runs=${HF_BENCH_RUNS:-5}

figures() {
	for scenario in "${scenarios[@]}"; do
		for mode in "${modes[@]:1}"; do
			echo "mads_${mode/-/_}_vs_wildcard_${scenario//-/_}"
		done
		for mode in "${modes[@]}"; do
			echo "ms_ours_of_whole_${mode/-/_}_${scenario//-/_}"
		done
	done
}

if [ "${1:-}" = --figures ]; then
	figures
	exit
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
: "${HF_BENCH_JSON:=$results/figures}"

# The median over the runs of a jq expression on the first fault.
median() {
	jq -s "map(.faults[0] | $3) | sort | .[length / 2 | floor]" "$results/$1.$2".*
}

printf '%-14s %-12s %6s %9s %9s %12s %12s %6s\n' scenario mode MADs reports records 'ours (ms)' 'whole (ms)' share
for scenario in "${scenarios[@]}"; do
	for mode in "${modes[@]}"; do
		for run in $(seq $runs); do
			hfsim run "$scenario" --mode "$mode" --json "$results/$scenario.$mode.$run" >"$results/log" 2>&1 ||
				{ cat "$results/log" >&2; exit 1; }
		done
		mads=$(median "$scenario" "$mode" .mads_total)
		ours=$(median "$scenario" "$mode" .ms_ours)
		whole=$(median "$scenario" "$mode" .ms_last_host_done)
		printf '%-14s %-12s %6.0f %9.0f %9.0f %12.2f %12.2f %5.0f%%\n' "$scenario" "$mode" "$mads" \
			"$(median "$scenario" "$mode" .reports_sent)" \
			"$(median "$scenario" "$mode" .path_records_received)" "$ours" "$whole" \
			"$(jq -n "if $whole == 0 then 0 else 100 * $ours / $whole end")"
		name=${mode/-/_} where=${scenario//-/_}
		if [ "$mode" = wildcard ]; then
			wildcard=$mads
		else
			figure "mads_${name}_vs_wildcard_$where" "$mads" "$wildcard" "wildcard mode" MADs
		fi
		figure "ms_ours_of_whole_${name}_$where" "$ours" "$whole" "from the cut to the last host done" ms
	done
done
