#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# holdfastd against a stock opensm on a stock ibsim: subscriptions that stock saquery sees, a whole table over RMPP,
# connections, an SM that is restarted, two ports in one process, reloads, and clients of the control socket that
# misbehave.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm saquery jq

holdfastd=$top_builddir/tools/holdfastd
client=$top_builddir/tests/control_client
socket=$work/socket
conf=$work/conf
daemon_pid= held_pid=
cd "$work" || exit 99

on_exit 'exec 3>&-; end "$held_pid" "$daemon_pid" "$opensm_pid" "$ibsim_pid"'

IBSIM_SOCKNAME=holdfastd-test.$$
export IBSIM_SOCKNAME
"$top_builddir/tests/topology_tool" generate mesh 3x2 1 >fabric.net || exit 99
run_ibsim fabric.net || exit 99

at_nodes() {	# NODES COMMAND...
	at_nodes=$1
	shift
	LD_PRELOAD=$umad HF_UMAD_NODES=$at_nodes exec "$@"
}
start_daemon() {	# ARGUMENT...
	(at_nodes 'H_0_0_0 H_2_1_0' timeout 300 "$holdfastd" -f -c "$conf" "$@") >daemon.log 2>&1 &
	daemon_pid=$!
	wait_for 10 test -S "$socket"
}

status() { "$client" "$socket" ask '{"get": "status"}'; }
connections() { "$client" "$socket" ask '{"get": "connections"}'; }
holds() {	# JQ-EXPRESSION COMMAND...: the expression is true of what the command prints
	holds_what=$1
	shift
	"$@" | jq -e "$holds_what"
}
is_settled() { holds '.status | length == 2 and all(.busy | not)' status; }
in_rts() { holds '.connections | length == 10 and all(.qp_state == "RTS" and .state == "established")' connections; }
subscriptions() { (at_nodes H_1_0_0 timeout 30 saquery IIR) | grep -ci 'trap_num.*\(68\|69\)$'; }
has_subscriptions() { [ "$(subscriptions)" -eq "$1" ]; }
# What the SM says beside what holdfastd keeps, as lines "DGID DLID SL", without switches' own ports.
by_saquery() {
	(at_nodes H_0_0_0 timeout 30 saquery -p --sgid "$(first_gid)") |
		awk '/dgid/ { gid = $1; sub(/.*\.\.+/, "", gid) } /dlid/ { lid = $1; sub(/.*\.\.+/, "", lid) }
		     /[^a-z_]sl\./ { sl = $1; sub(/.*\.\.+/, "", sl); print gid, lid, sl + 0 }' | sort -u
}
first_gid() { status | jq -r '.status[0].gid'; }
by_daemon() {
	"$client" "$socket" ask '{"get": "paths"}' |
		jq -r '.paths[] | select(.port == "hfsim0:1" and .reachable) | "\(.dgid) \(.dlid) \(.sl)"' | sort -u
}
same_paths() { by_saquery >said && by_daemon >kept && test -s said && diff said kept; }

cat >"$conf" <<END
socket = "$socket"
trace = "$work/trace"
connect = "$work/connect"
check_interval_s = 1
port_interval_ms = 100
END
for node in 0 1 2 3 4 5; do
	echo "fe80::268:6600:200:${node}01"
done >connect

plan 33
try "opensm brings the subnet up" run_opensm
try "holdfastd starts with two ports" start_daemon
try "both ports settle" wait_for 20 is_settled
try "stock saquery sees both subscriptions of both ports" wait_for 10 has_subscriptions 4
try "each port has a path to each of the 13 end ports" holds '.status | all(.paths == 13)' status
try "they are what stock saquery is told" same_paths
try "all connections are in RTS" wait_for 10 in_rts
try "one query sufficed" holds '.status | all(.counters | .queries - .queries_failed == 1)' status
try "the trace names the nodes" grep -q '"who":"host:H_2_1_0".*"ev":"query_done"' trace

end "$opensm_pid"
opensm_pid=
wait_for 20 holds '.status | all(.busy)' status
try "without an SM the connections stay as they are" in_rts
try "the SM comes back, at the same LID" run_opensm
try "both ports subscribe again" wait_for 40 has_subscriptions 4
try "and settle" wait_for 40 is_settled
try "after a further query each" holds '.status | all(.counters.queries >= 2)' status
try "no connection was changed" holds '.connections | all(.changes == 0)' connections

answers() { wait_for 5 holds '.status | length == 2' status; }
try "rubbish is answered and cut off" holds 'has("error")' "$client" "$socket" raw 'no JSON at all
'
try "so is an array" holds 'has("error")' "$client" "$socket" raw '[1, 2]
'
try "an unknown request is answered, and the client stays" holds 'has("error") or has("status")' \
	"$client" "$socket" ask '{"get": "lost"}' '{"set": 1}' '{"get": "status"}'
three_answers() {
	"$client" "$socket" last '{"get": "status"}
{"get": "connections"}
{"get": "paths"}
' >answers
	[ "$(wc -l <answers)" -eq 3 ] && jq -s -e '[.[0].status, .[1].connections, .[2].paths] | all(type == "array")' answers
}
try "who closes its side first gets all answers" three_answers
try "a line without end is cut off" timeout 60 "$client" "$socket" flood 10000000
try "a client that does not read is cut off" timeout 60 "$client" "$socket" deaf
try "with a message" grep -q "a client that does not read its answer was cut off" daemon.log
mkfifo hold
"$client" "$socket" hold 32 <hold >held 2>&1 &
held_pid=$!
exec 4>hold
wait_for 5 grep -q held held
try_not "more clients than the bound are turned away" status
exec 4>&-
wait "$held_pid"
held_pid=
try "and served again when others have gone" answers
try "the hosts were not disturbed" is_settled

reload() {	# MESSAGE
	kill -HUP "$(pgrep -P "$daemon_pid")" && wait_for 5 grep -qF "$1" daemon.log
}
sed -i 's/^check_interval_s.*/check_interval_s = 5000/' "$conf"
try "a bad value is refused when reloading" reload "1 to 3600"
sed -i 's/^check_interval_s.*/check_interval_s = 2/; s/^trace.*/trace = other/' "$conf"
try "so is an option that cannot be reloaded" reload "trace can only be changed by a restart"
sed -i "s|^trace.*|trace = \"$work/trace\"|" "$conf"
try "a good file is taken" reload "options reloaded"
try "the hosts were not disturbed by that" is_settled

second_daemon() {
	(at_nodes 'H_1_1_0' timeout 30 "$holdfastd" -f -c "$conf" -o ports=all -o connect=) >second.log 2>&1
	grep -q "$socket: Address already in use" second.log
}
try "a second holdfastd does not take the socket" second_daemon

stop_daemon() {
	kill "$(pgrep -P "$daemon_pid")"
	wait "$daemon_pid"
	daemon_rc=$?
	daemon_pid=
	return $daemon_rc
}
try "SIGTERM ends it with 0" stop_daemon
try "its subscriptions are gone" wait_for 10 has_subscriptions 0
try_not "and so is its socket" test -e "$socket"
