#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# How many instructions the pure kernels take for each entry of a snapshot, and what is recorded of a work request takes, as
# callgrind counts them: unlike times these repeat on any machine with the same compiler. Beside each stands what only
# reads or writes the same bytes, or does without a record.
#
#   bench_instructions.sh [FABRIC]      as bench_distinguisher has them
set -euo pipefail

kernels=(resolve equal 1pct)
requests=(send inline write receive poll)
fabric=torus:6x6x6:2

if [ "${1:-}" = --figures ]; then
	printf 'instructions_per_pair_%s\n' "${kernels[@]}"
	printf 'instructions_per_recorded_%s\n' "${requests[@]}"
	exit
fi
[ $# -eq 0 ] || fabric=$1

build=${top_builddir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build" && pwd)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: "${HF_BENCH_JSON:=$work/figures}"

# count PROGRAM KERNEL [argument ...]: prints instructions for each of what the program says it did.
count() {
	local program=$1 kernel=$2

	shift 2
	valgrind --tool=callgrind --toggle-collect=bench_run_kernel --callgrind-out-file="$work/callgrind" \
		"$build/tests/$program" --kernel "$kernel" "$@" >"$work/entries" 2>"$work/log" ||
		{ cat "$work/log" >&2; exit 1; }
	awk 'NR == FNR { entries = $1 } /^(summary|totals):/ { count = $2 } END { print count / entries }' \
		"$work/entries" "$work/callgrind"
}

reference_of() { if [ "$1" = resolve ]; then echo memcpy; else echo memcmp; fi; }

# show NAME FIGURE OURS REFERENCE REFERENCE_NAME
show() {
	printf '%-8s %10.2f %10.2f  %s\n' "$1" "$3" "$4" "$5"
	jq -cn --arg figure "$2" --argjson ours "$3" --argjson reference "$4" --arg name "$5" \
		'{figure: $figure, ours: $ours, reference: $reference, reference_name: $name, unit: "instructions",
			ratio: ($ours / $reference)}' >>"$HF_BENCH_JSON"
}

printf 'Instructions for each entry, %s\n%-8s %10s %10s\n' "$fabric" kernel ours reference
for kernel in "${kernels[@]}"; do
	reference=$(reference_of "$kernel")
	show "$kernel" "instructions_per_pair_$kernel" "$(count bench_distinguisher "$kernel" "$fabric")" \
		"$(count bench_distinguisher "$reference" "$fabric")" "$reference"
done
printf 'Instructions for each work request, from its post to its completion, an adapter of nothing\n'
for kernel in "${requests[@]}"; do
	show "$kernel" "instructions_per_recorded_$kernel" "$(count bench_record "$kernel")" \
		"$(count bench_record "plain-$kernel")" 'without a record'
done
