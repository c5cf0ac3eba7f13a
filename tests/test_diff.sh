#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# "holdfast diff" on stored files: what it ends with, what it chooses, what it refuses. That it finds the right paths is
# for test_plugin_status.sh to say.
. "$top_srcdir/tests/tap.sh"
need jq

seeds=$top_srcdir/tests/seeds/snapshot
before=$seeds/by-nothing after=$seeds/by-groups
guid=0x0000000000100001

diff_files() { "$top_builddir/tools/holdfast" diff "$@"; }
ends_with() {	# STATUS ARGUMENT ...
	ends_status=$1
	shift
	diff_files "$@" >out 2>err
	ends_rc=$?
	cat out err
	[ "$ends_rc" -eq "$ends_status" ]
}
says() { grep -q -e "$1" err && [ "$(wc -l <err)" -eq 1 ]; }
refuses() {	# EXPECTED ARGUMENT ...
	refuses_what=$1
	shift
	ends_with 2 "$@" && says "$refuses_what" && [ ! -s out ]
}
json() {	# JQ-EXPRESSION ARGUMENT ...: it is true of what --json prints
	json_what=$1
	shift
	diff_files --json "$@" >out
	jq -e "$json_what" out
}
counts='.summary | [.changed, .lost, .appeared]'
other_way() {
	[ "$(diff_files --json "$before" "$after" | jq -c "$counts")" = \
		"$(diff_files --json "$after" "$before" | jq -c "$counts | [.[0], .[2], .[1]]")" ]
}
pipes() {
	mkfifo pipe
	cat "$after" >pipe &
	ends_with 1 "$before" pipe
}
cd "$work" || exit 99

plan 20
try "the same file: 0" ends_with 0 "$before" "$before"
try "no changes are listed" grep -q '^0 paths changed, 0 lost, 0 appeared$' out
try "another: 1" ends_with 1 "$before" "$after"
try "with what was and what is" grep -q '^changed .* 4 -> 3 .* 20 -> 2.5 .* 268ms -> 1.07s$' out
try "the summary counts by kind and attribute" grep -q '^4 paths changed, 5 lost, 6 appeared: 4 in sl' out
lists_no_paths() { ! diff_files --summary "$before" "$after" | grep '^\(changed\|lost\|appeared\) '; }
try "--summary lists no paths" lists_no_paths
try "JSON has as many pairs of ports as the summary counts" \
	json '(.changes | map([.sguid, .dguid]) | unique | length) == (.summary | .changed + .lost + .appeared)' \
	"$before" "$after"
try "the other way round what was lost has appeared" other_way
try "--from a GUID" json ".changes | length > 0 and all(.sguid == \"$guid\")" --from $guid "$before" "$after"
try "--to a LID" json ".changes | length > 0 and all(.dguid == \"$guid\")" --to 6 "$before" "$after"
try "--port is either end" \
	json ".changes | length > 0 and all(.sguid == \"$guid\" or .dguid == \"$guid\")" --port $guid "$before" "$after"
try "nothing chosen, nothing changed: 0" ends_with 0 --from 40000 "$before" "$after"
printf '# names\n0x100001 "leaf one" # a comment\n\n' >map
try "a node name map" json '.changes | any(.source == "leaf one")' --node-name-map map "$before" "$after"
echo 'leaf one' >map
try "a bad one: file, line, what must be" refuses 'map:1: a line must be' --node-name-map map "$before" "$after"
try "a pipe" pipes
try "a file that is none" refuses 'rubbish: byte 3: the file ends within its header' "$before" "$seeds/rubbish"
try "a later version" refuses 'later-version: byte 8: version 2' "$before" "$seeds/later-version"
try "a file that is not there" refuses 'missing: No such file' "$before" missing
try "a bad filter" refuses 'from is "x", must be' --from x "$before" "$after"
try "one file" ends_with 2 "$before"
