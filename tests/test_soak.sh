#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# hfsim soak itself: that it fails where the plugin says too little, can be repeated, refuses what it does not know, and
# leaves nothing behind.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

fails() {
	soak "$@"
	[ $? -eq 1 ] || { cat "$soak_name.out"; return 1; }
}
says() { grep -q -- "$2" "$1.out" || { cat "$1.out"; return 1; }; }
refuses() {
	soak refused "$@"
	[ $? -eq 2 ] || { cat refused.out; return 1; }
}
agrees_again() {
	soak again --engine updn --faults 8 --topology mesh:3x2 && soak again2 --engine updn --faults 8 --topology mesh:3x2 &&
		[ "$(jq -c '.[].history' again.json)" = "$(jq -c '.[].history' again2.json)" ]
}
# Processes of runs below $work have its name among their arguments.
is_any_left() { grep -lsa "$work/hfsim\." /proc/[0-9]*/cmdline; }
is_none_left() { ! is_any_left; }

plan 15

try "a plugin that keeps silent is found out" fails silent --engine minhop --faults 4 --topology ring:4 \
	--set plugin.trace_paths=false
try "what it missed is told" says silent 'missed 0x[0-9a-f]* > 0x[0-9a-f]*: before: .* after:'
try "with the history" says silent 'fault 1: '
try "and the command that repeats it" says silent "again: hfsim soak --engine minhop --seed $soak_seed --faults 4"
try "the files are left" test -d "$(jq -r '.[0].dir' silent.json)"
try "a seed gives the same faults again" agrees_again
try "two fabrics at a time" soak jobs --engine lash --faults 80 --topology ring:5 --jobs 2
try "make the same faults" holds jobs .faults '. == 80'
try "an unknown engine is refused" refuses --engine teleport
try "and the known ones are named" says refused 'torus-2QoS'
try "a fabric that cannot be is refused" refuses --topology mesh:0
try "a setting of another kind is refused" refuses --set engine=updn
try "no fault is refused" refuses --faults 0

"$hfsim" soak --faults 1000 >killed.out 2>&1 &
soak_pid=$!
wait_for 20 is_any_left >/dev/null
kill -KILL "$soak_pid"
wait "$soak_pid" 2>/dev/null
try "a soak that is killed leaves no process" wait_for 10 is_none_left
try "nor do the others" is_none_left
