#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Whatever happens to Reports, answers, hosts and subnet managers, in the end each host holds what the SA answers.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm saquery jq
hfsim=$top_builddir/tools/hfsim
HF_SCENARIO_DIR=$top_srcdir/sim/scenarios
TMPDIR=$work
export HF_SCENARIO_DIR TMPDIR
cd "$work" || exit 99

set --
for file in "$HF_SCENARIO_DIR"/never-stale-*.conf; do
	name=${file##*/}
	set -- "$@" "${name%.conf} targeted" "${name%.conf} hybrid"
done

passes() {
	timeout 100 "$hfsim" run "$1" --mode "$2" --json result.json >out 2>&1 || { cat out; return 1; }
	jq -e '.stale_paths == 0 and (.ms_none_stale | type == "number")' result.json
}

plan $#
for run; do
	try "${run% *} in mode ${run#* }" passes "${run% *}" "${run#* }"
done
