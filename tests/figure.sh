# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# figure NAME OURS REFERENCE REFERENCE_NAME UNIT   a line for tests/run_benchmarks, in the file $HF_BENCH_JSON

figure() {
	jq -cn --arg figure "$1" --argjson ours "$2" --argjson reference "$3" --arg name "$4" --arg unit "$5" \
		'{figure: $figure, ours: $ours, reference: $reference, reference_name: $name, unit: $unit,
		  ratio: (if $reference == 0 then null else $ours / $reference end)}' >>"$HF_BENCH_JSON"
}

# is_wanted PATTERN: whether a figure is asked for whose whole name matches the extended regular expression. They stand
# in HF_BENCH_FIGURES, with blanks between them; where there are none, all are.
is_wanted() {
	[ -z "${HF_BENCH_FIGURES:-}" ] || tr ' ' '\n' <<<"$HF_BENCH_FIGURES" | grep -xE "$1" >/dev/null
}
