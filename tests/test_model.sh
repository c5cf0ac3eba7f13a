#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What doc/protocol.md promises holds in its model, each row of the model is reached, and the model can fail.
. "$top_srcdir/tests/tap.sh"
need spin
model=$top_srcdir/tests/model/updates.pml
depth=1000	# steps; the longest execution has some 200

# To optimize the checkers takes longer than they run.
# generate NAME PAN-FLAG [-DBOUND=N ...]: makes $work/NAME/pan
generate() {
	dir=$work/$1
	search=$2
	shift 2
	mkdir "$dir" && cp "$model" "$dir" && (
		cd "$dir" && spin -a "$@" updates.pml &&
			${CC:-cc} -O0 -w "$search" -DNOREDUCE -DVECTORSZ=512 -DMEMLIM=1000 -o pan pan.c
	)
}

# search NAME OPTION ...: a search that came to its end and found nothing
search() {
	dir=$work/$1
	shift
	(cd "$dir" && ./pan "$@" "-m$depth" -w22 >out 2>&1)
	grep -E 'states, stored|depth reached|elapsed|pan:' "$dir/out"
	grep -q 'errors: 0' "$dir/out" && ! grep -Eq 'max search depth|not completed|out of memory|pan: reached' "$dir/out"
}

# In any order, under any scheduling; assertions and deadlocks.
holds() {
	proof=$1
	shift
	generate "$proof" -DSAFETY "$@" && search "$proof"
}

# No execution is endless.
ends() {
	proof=$1
	shift
	generate "$proof" -DNP "$@" && search "$proof" -l
}

# A mutant must break an assertion; that it breaks nothing, or does not compile, is a failure.
is_found() {
	mutant=$1
	shift
	generate "$mutant" -DSAFETY "-DM_$mutant" "$@" || return
	(cd "$work/$mutant" && ./pan "-m$depth" -w22 >out 2>&1)
	grep -E 'states, stored|pan:' "$work/$mutant/out"
	grep -q 'assertion violated' "$work/$mutant/out"
}

# The same for executions that have no end. Assertions are left aside: one of them would stop some of these.
is_found_endless() {
	mutant=$1
	shift
	generate "$mutant" -DNP "-DM_$mutant" "$@" || return
	(cd "$work/$mutant" && ./pan -l -A "-m$depth" -w22 >out 2>&1)
	grep -E 'states, stored|pan:' "$work/$mutant/out"
	grep -q 'non-progress cycle' "$work/$mutant/out"
}

# The rows that no search of this script reached.
all_reached() {
	grep -n '/\* reached: ' "$model" >"$work/rows"
	[ -s "$work/rows" ] || return
	while IFS=: read -r line text; do
		for out in "$work"/holds-*/out; do
			grep -q "updates.pml:$line, state" "$out" || continue 2
		done
		echo "never: $text"
	done <"$work/rows" >"$work/never"
	cat "$work/never"
	[ ! -s "$work/never" ]
}

# What a search found, for the log.
show() { note "$1: $(tr -s ' \n' ' ' <"$work/try.out")"; }

routings='-DROUTINGS=2 -DSM_EVENTS=0 -DFAULTS=2'
masters='-DROUTINGS=1 -DSM_EVENTS=1 -DFAULTS=1'
there_and_back='-DROUTINGS=0 -DSM_EVENTS=2 -DFAULTS=1'
few_masters='-DROUTINGS=0 -DSM_EVENTS=1 -DFAULTS=1'
unchecked=-DFINAL=0

plan 26
# shellcheck disable=SC2086
{
try "three routings, two faults: current after a check" holds holds-routings $routings
show routings
try "a restart or a handover, two routings of each instance, a fault" holds holds-masters $masters
show masters
try "handover and back, restarts, a fault" holds holds-back $there_and_back
show back
try "where no Report is given up, no check is needed: routings" holds holds-routings-unchecked $routings $unchecked
show routings
try "the same: handover" holds holds-masters-unchecked $masters $unchecked
show masters
try "no execution is endless: routings" ends ends-routings -DROUTINGS=2 -DSM_EVENTS=0 -DFAULTS=1
show routings
try "the same: restarts and handover" ends ends-masters $few_masters
show masters
try "each row of the model is reached" all_reached

for mutant in BASE_IGNORED BASE_BEFORE_HISTORY OLD_ANSWER REPORT_FIRST NOT_AGAIN ZERO_IS_A_NAME RECORDS_OVERTAKEN \
	PART_FORGOTTEN SUBSCRIBES_MEANWHILE SKIPPED_NOT_TOLD ANEW_NOT_TOLD NO_ROOM_NOT_TOLD NO_CHECK; do
	try "the mutant is found: $mutant" is_found $mutant $routings $unchecked
done
for mutant in UNNAMED_NOT_CHECKED SAME_INSTANCE INSTANCE_IGNORED ASKED_INSTANCE_IGNORED; do
	try "the mutant is found: $mutant" is_found $mutant $masters
done
try "the mutant is found: ASKS_FOREVER" is_found_endless ASKS_FOREVER $few_masters
}
