#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What the plugin tells the operator: its status, snapshots of every path, and that a routing engine failed. The paths
# that differ between two snapshots are compared with two whole tables that a stock client got from the SA.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need jq

holdfast=$top_builddir/tools/holdfast
client=$top_builddir/tests/control_client
socket=$work/socket
other_pid=
on_exit 'end "$other_pid"'

status() { "$holdfast" status --json --socket "$socket"; }
holds() { status | jq -e "$1"; }
announced() { wait_for 20 holds ".announced.epoch >= $1 and .waiting == null"; }
snapshot() { "$holdfast" snapshot --socket "$socket" "$1"; }
fails_with() {	# EXPECTED COMMAND ...
	fails_what=$1
	shift
	"$@" >failed 2>&1 && return 1
	cat failed
	grep -q -e "$fails_what" failed
}
error_is() {	# TEXT REQUEST
	"$client" "$socket" ask "$2" | jq -e --arg text "$1" '.error | contains($text)'
}
plugin_conf() { printf 'control = "%s"\n' "$1" >plugin.conf; }
start_plugin() { start_opensm osmholdfast "event_plugin_options $work/plugin.conf" "$@"; }

# One side of every changed path, in the form of sa_records without the P_Key.
told() {
	jq -r ".changes[] | [.sguid, .dguid] + (.$1 | select(. != null) |
		[.slid, .dlid, .sls[0], .mtu, .rate, .pkt_life]) | join(\" \")" diff.json | awk '{
			printf "%s %s %04x %04x %x %02x %02x %02x\n", substr($1, 3), substr($2, 3), $3, $4, $5,
				128 + $6, 128 + $7, 128 + $8
		}' | sort
}
same_as_sa() {	# before OPTION-OF-COMM, or after
	told "$1" >told
	comm "$2" before.sa after.sa | cut -d' ' -f1-4,6- >expected
	note "$(wc -l <expected) paths"
	[ -s expected ] && diff expected told
}
diff_ends_with() {	# STATUS BEFORE AFTER
	"$holdfast" diff "$2" "$3" >out 2>&1
	diff_rc=$?
	tail -n 5 out
	[ "$diff_rc" -eq "$1" ]
}
kill_opensm() {
	kill -KILL "$(pgrep -P "$osm_pid")"
	wait "$osm_pid"
	osm_pid=
	[ -S "$socket" ]
}
# A second opensm would be a standby; what it says of the socket comes before that.
start_other() {
	mkdir -p other
	timeout --foreground -s KILL 60 env LD_PRELOAD="$umad" HF_UMAD_NODES=H_1_1_0 OSM_CACHE_DIR="$work/other" \
		opensm -f "$work/other.log" -F "$work/opensm.conf" >other.out 2>&1 &
	other_pid=$!
	wait_for 20 grep -q 'osmholdfast: version' other.log
}
stays_a_file() {
	echo precious >file
	plugin_conf "$work/file"
	start_plugin && log_says 'no control socket: control = .*/file: Address already in use' && opensm_is_up &&
		[ "$(cat file)" = precious ]
}

osm_preload=$top_builddir/tests/.libs/libhflowermtu.so
start_fabric || exit 99
plan 53
plugin_conf "$socket"
try "opensm comes up under LASH" start_plugin
try "the first routing is announced" announced 2
try "the socket is its owner's" [ "$(stat -c %a "$socket")" = 600 ]
try "status: the SM is the master, LASH routes as is wanted" \
	holds '.master and .routing.engine == "lash" and .routing.wanted_engine == "lash" and .fallback == null'
try "13 ports, 6 of switches" holds '.announced | .ports == 13 and .switches == 6'
try "rows, columns and entries belong together" \
	holds '.announced | .entries == .rows * .columns and .bytes > 2 * .entries and .columns == 13'
try "nothing was compared yet" holds '.comparison == null and .counters.routings == 1'
try "the text says the same" sh -c "'$holdfast' status --socket '$socket' | grep -q '^engine  *lash$'"
sa_records >before.sa
try "six hosts subscribe" start_hosts
try "a snapshot before the cut" snapshot before
try "only its owner may read it" [ "$(stat -c %a before)" = 600 ]
cut_middle
try "the cut is announced" announced 4
sa_records >after.sa
try "a snapshot after the cut" snapshot after
"$holdfast" diff --json before after >diff.json
try "diff ends with 1" [ $? -eq 1 ]
try "what was is what the SA answered before" same_as_sa before -23
try "what is is what the SA answers now" same_as_sa after -13
try "the plugin counted as many" \
	holds ".comparison.changed == $(jq .summary.changed diff.json) and .comparison.changed > 0"
try "every host was told and answered" \
	wait_for 10 holds '.routing.subscribers == 6 and .counters.reports_sent == 6 and .counters.reports_acked == 6'

on_host H_1_0_0 "$top_builddir/tests/sa_bulk" 3 >bulk.out
try "what is answered from the last routing is counted" \
	holds '.deltas | .answers == 3 and .whole_tables == 3 and .refused == 0 and .epoch == 4 and .changes == 39'
try "a relative path is refused" error_is "must be absolute" '{"snapshot": "here"}'
try "a folder that is not there: the file's name and why" \
	fails_with '/nowhere/file: No such file' snapshot /nowhere/file
try "a path that is a folder" fails_with 'Is a directory' snapshot "$work/cache"
try "an unknown request" error_is "get: status" '{"get": "everything"}'
try "a request that is none is cut off" sh -c "'$client' '$socket' raw 'no JSON
' | grep -q error"
try "a client that does not read is cut off" timeout 60 "$client" "$socket" deaf
try "opensm goes on" holds '.master'
try "nobody there: the socket's name and why" fails_with "nobody: No such file" \
	"$holdfast" status --socket "$work/nobody"

try "another opensm leaves the socket alone" start_other
try "and says so" grep -q "no control socket: control = $socket: Address already in use" other.log
end "$other_pid"
other_pid=
try "killed, opensm leaves its socket behind" kill_opensm
join_middle
try "the next one takes it over" start_plugin
announced 2
snapshot again >/dev/null
try "the same fabric after a restart has the same paths" diff_ends_with 0 before again
try "and it is said that it is another instance" grep -q 'two starts of the subnet manager' out
try "opensm ends with status 0" stop_opensm
try_not "and takes the socket away" test -e "$socket"
try "a file that is no socket stays, and opensm goes on" stays_a_file
stop_opensm

plugin_conf "$socket"
# One lane is enough for the mesh, but not for the ring.
try "one lane: LASH routes the mesh" start_plugin 'max_op_vls 1'
announced 2
try "no fall-back" holds '.fallback == null and .routing.engine == "lash"'
snapshot mesh >/dev/null
cut_middle
try "two lanes are needed: minhop routes" wait_for 20 holds '.routing.engine == "minhop"'
try "status says so, what was wanted and since when" \
	holds '.fallback.since_epoch == 4 and .fallback.since_s >= 0 and .routing.wanted_engine == "lash"'
try "so does the log" log_says 'routing engine lash failed, minhop routes instead'
announced 4
snapshot ring >/dev/null
kill -HUP "$osm_pid"
announced 6
try "it is the same fall-back after the next routing" holds '.routing.epoch == 6 and .fallback.since_epoch == 4'
"$holdfast" diff mesh ring >out
try "diff says which engine it was" grep -q '^after .*, minhop instead of lash,' out
join_middle
try "LASH routes again" wait_for 20 holds '.routing.engine == "lash" and .fallback == null'
try "opensm ends with status 0" stop_opensm

# Sets of SLs, an SL by destination LID, several LIDs a port: what is written reads back under them, too.
reads_back() {	# ENGINE LINE ...
	osm_engine=$1
	shift
	start_plugin "$@" && announced 2 && snapshot engine && diff_ends_with 0 engine engine
	reads_rc=$?
	stop_opensm && return "$reads_rc"
}
try "a snapshot of DFSSSP" reads_back dfsssp
try "of Nue, with two LIDs a port" reads_back nue 'lmc 1'
try "all LIDs are in it" sh -c "[ $(od -A n -t u4 -j 28 -N 4 engine) -gt 13 ]"

# LASH needs nine lanes for this torus, and ibsim's ports have eight.
stop_all
rm -f console cache/*
mesh_kind='torus 12x12 1' osm_engine=lash osm_preload=
start_fabric || exit 99
try "a torus that LASH has a lane too few for comes up" start_plugin
announced 2
try "minhop routes it from the beginning" holds '.routing.engine == "minhop" and .fallback.since_epoch == 2'
try "the text says so" sh -c "'$holdfast' status --socket '$socket' |
	grep '^engine  *minhop instead of lash, which failed: since routing 2, '"
try "so does the log" log_says 'routing engine lash failed, minhop routes instead'
try "opensm ends with status 0" stop_opensm
