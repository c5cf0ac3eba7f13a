#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# How many instructions the pure kernels take for each entry of a snapshot, as callgrind counts them: unlike times these
# repeat on any machine with the same compiler. Beside each stands what only reads or writes the same bytes.
#
#   bench_instructions.sh [FABRIC]      as bench_distinguisher has them
set -euo pipefail

kernels=(resolve equal 1pct)
fabric=torus:6x6x6:2

if [ "${1:-}" = --figures ]; then
	printf 'instructions_per_pair_%s\n' "${kernels[@]}"
	exit
fi
[ $# -eq 0 ] || fabric=$1

build=${top_builddir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build" && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: "${HF_BENCH_JSON:=$work/figures}"

# Prints instructions for each entry.
count() {
	valgrind --tool=callgrind --toggle-collect=bench_run_kernel --callgrind-out-file="$work/callgrind" \
		"$build/tests/bench_distinguisher" --kernel "$1" "$fabric" >"$work/entries" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
	awk 'NR == FNR { entries = $1 } /^(summary|totals):/ { count = $2 } END { print count / entries }' \
		"$work/entries" "$work/callgrind"
}

reference_of() { if [ "$1" = resolve ]; then echo memcpy; else echo memcmp; fi; }

printf 'Instructions for each entry, %s\n%-8s %10s %10s\n' "$fabric" kernel ours reference
for kernel in "${kernels[@]}"; do
	reference=$(reference_of "$kernel")
	ours=$(count "$kernel")
	limit=$(count "$reference")
	printf '%-8s %10.2f %10.2f  %s\n' "$kernel" "$ours" "$limit" "$reference"
	jq -cn --arg figure "instructions_per_pair_$kernel" --argjson ours "$ours" --argjson reference "$limit" \
		--arg name "$reference" '{figure: $figure, ours: $ours, reference: $reference, reference_name: $name,
			unit: "instructions", ratio: ($ours / $reference)}' >>"$HF_BENCH_JSON"
done
