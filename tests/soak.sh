# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What the tests of hfsim soak share. To be sourced after tap.sh:
#	soak_plan N ENGINE ...	N tests and those that soak_engine makes of the engines
#	soak_engine ENGINE ...	240 faults with each engine, from a seed that is printed
#	soak_covers KIND ...	one test each, that all these faults together had some of that kind; with another seed or
#				number of faults they need not. A member of the result (failed, returned, switched), or what
#				the text of a fabric says ("LMC 2")
# HF_SOAK_SEED and HF_SOAK_FAULTS ask for others, for a soak that deserves the name.

need ibsim opensm jq
hfsim=$top_builddir/tools/hfsim
soak_seed=${HF_SOAK_SEED:-2026}
soak_faults=${HF_SOAK_FAULTS:-240}
soak_results=
TMPDIR=$work
export TMPDIR
cd "$work" || exit 99

soak() {
	soak_name=$1
	shift
	timeout 900 "$hfsim" soak --seed "$soak_seed" --json "$soak_name.json" "$@" >"$soak_name.out" 2>&1
}

agrees() {
	soak "$1" --engine "$1" --faults "$soak_faults" || { cat "$1.out"; return 1; }
}

# Of the list of results, one for each fabric.
holds() { jq -e "map($2) | add | $3" "$1.json" >/dev/null || { jq -c "map(del(.history))" "$1.json"; return 1; }; }

soak_plan() { plan $(($1 + ($# - 1) * 4)); }

soak_engine() {
	for engine in "$@"; do
		echo "# $engine, seed $soak_seed"
		soak_results="$soak_results $engine.json"
		try "$engine: the plugin's word and the SA's answers agree" agrees "$engine"
		try "$engine: after each of $soak_faults faults" holds "$engine" .faults ". == $soak_faults"
		try "$engine: and there were changes to be seen" holds "$engine" .changes '. > 0'
		try "$engine: it was in force after a third of them at least" holds "$engine" .in_force ". >= $soak_faults / 3"
		grep -A 2 "^engine" "$engine.out" | sed 's/^/# /'
	done
}

# All results of this test, as one list.
soak_has() {
	[ -z "${HF_SOAK_SEED:-}${HF_SOAK_FAULTS:-}" ] || return 0
	# shellcheck disable=SC2086  # a file a word
	jq -es --arg kind "$1" "add | $2" $soak_results >/dev/null || { cat ./*.out; return 1; }
}

soak_covers() {
	for kind in "$@"; do
		case $kind in
		failed | returned | switched) try "engines $kind" soak_has "$kind" 'map(.[$kind]) | add > 0' ;;
		*) try "fabrics had $kind" soak_has "$kind" 'any(.[]; .fabric | contains($kind))' ;;
		esac
	done
}
