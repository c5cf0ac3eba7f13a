#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Programs with connections on three simulated hosts, two of them in one holdfastd and one in another, against a real
# opensm with the plugin: they are told to move where the SM's path is another, and only their own other end hears them.
. "$top_srcdir/tests/tap.sh"

need jq setpriv
. "$top_srcdir/tests/plugin.sh"

holdfastd=$top_builddir/tools/holdfastd
control=$top_builddir/tests/control_client
client=$work/program_client
pids=
# shellcheck disable=SC2016  # for later
on_exit 'for pid in $pids; do kill -CONT "$pid"; end "$pid"; done'
is_over() {	# PID: it is ended here already
	wait "$1" 2>/dev/null
	pids=$(printf '%s\n' $pids | grep -vx "$1")
}
cp "$top_builddir/tests/program_client" "$client" || exit 99
chmod 755 "$work"

start_daemon() {	# NAME NODES [ARGUMENT ...]
	daemon_name=$1 daemon_nodes=$2
	shift 2
	: >"$daemon_name.log"
	env LD_PRELOAD="$umad" HF_UMAD_NODES="$daemon_nodes" "$holdfastd" -f -c /dev/null \
		-o socket="$work/$daemon_name.control" -o programs_socket="$work/$daemon_name.programs" \
		-o trace="$work/$daemon_name.trace" -o port_interval_ms=100 "$@" >>"$daemon_name.log" 2>&1 3>&- &
	eval "${daemon_name}_pid=$!"
	pids="$! $pids"
	wait_for 60 test -S "$daemon_name.programs" && wait_for 60 is_settled "$daemon_name"
}
ask() { "$control" "$work/$1.control" ask "{\"get\": \"$2\"}"; }
is_settled() { ask "$1" status | jq -e '.status | length > 0 and all((.busy | not) and .paths == 13)'; }
field_of() { ask "$1" status | jq -r ".status[$2].$3"; }
shows() { ask "$1" connections | jq -e ".connections | $2"; }	# DAEMON EXPRESSION
connection() { shows "$1" "map(select(.qpn == $2)) | length == 1 and (.[0] | $3)"; }	# DAEMON QPN EXPRESSION
count_is() { ask "$1" status | jq -e ".programs == $2"; }

# A program NAME of a daemon: its commands go to descriptor FD, its lines to NAME.out.
start_program() {	# NAME DAEMON FD [COMMAND BEFORE ...]
	program=$1 program_daemon=$2 program_fd=$3
	shift 3
	mkfifo "$program.in"
	"$@" "$client" "$work/$program_daemon.programs" "$program" <"$program.in" >"$program.out" 2>&1 \
		3>&- 4>&- 5>&- 6>&- 7>&- 8>&- &
	eval "${program}_pid=$!"
	pids="$! $pids"
	eval "exec $program_fd>$program.in"
}
says() { wait_for 60 grep -q -e "$2" "$1.out"; }	# NAME PATTERN
lines() { grep -c -e "$2" "$1.out"; }

plan 47
try "a fabric" start_fabric
echo 'mode = hybrid' >plugin.conf
try "opensm with the plugin" start_opensm osmholdfast "event_plugin_options $work/plugin.conf"
try "a holdfastd of two hosts" start_daemon a 'H_0_0_0 H_1_0_0'
try "and one of another" start_daemon b H_2_1_0
a_gid=$(field_of a 0 gid) a2_gid=$(field_of a 1 gid) b_gid=$(field_of b 0 gid)
a_lid=$(field_of a 0 lid) a2_lid=$(field_of a 1 lid) b_lid=$(field_of b 0 lid)

start_program alice a 4
start_program bob b 5
start_program carol b 6
start_program dave a 7
try "programs are welcome" says alice welcome
says bob welcome && says carol welcome && says dave welcome
try "and counted" wait_for 60 count_is a 2

echo "answer 0 sqd 2 3 4000" >&4
echo "add 0x11 hfsim0 1 $b_gid $b_lid 5 0x21" >&4
try "an SL that is not the SM's is moved" says alice "^move 0x11 $b_lid 0 $b_gid"
try "and known with who has it and how it was moved" wait_for 60 connection a 17 \
	'.program == "alice" and .pid == '"$alice_pid"' and .state == "established" and .sl == 0 and
	.strategy == "program" and .moved_by == "sqd" and .lost == 2 and .replayed == 3 and .paused_us == 4 and .changes == 1 and
	.dest_qpn == 33'
traced() { jq -se 'map(select(.ev == "connection_changed")) | length == 1 and .[0].strategy == "sqd" and .[0].lost == 2
	and .[0].replayed == 3 and .[0].paused_us == 4 and .[0].old_sl == 5 and .[0].new_sl == 0' a.trace; }
try "the trace says it, too" traced
echo "add 0x21 hfsim0 1 $a_gid $a_lid 0 0x11 mtu=3 pkey=0xffff slid=$b_lid" >&5
try "what is as the SM says is left alone" wait_for 60 connection b 33 \
	'.state == "established" and .changes == 0 and .moved_by == ""'
echo "add 0x14 hfsim0 1 - $b_lid 3 0x24" >&4
try "a connection without GRH is known by its DLID" says alice "^move 0x14 $b_lid 0 $b_gid"
echo "add 0x15 hfsim0 1 - 999 3 0x25" >&4
try "a DLID that the SM does not know is waited for" wait_for 60 connection a 21 '.state == "waiting" and .dlid == 999'
echo "answer -110 none 0 0 0" >&7
echo "add 0x16 hfsim0 1 $b_gid $b_lid 4 0x26" >&7
twice() { [ "$(lines dave '^move 0x16')" -ge 2 ]; }
try "a move that fails is tried again" wait_for 60 twice
echo "answer 0 reset 0 0 0" >&7
try "until it succeeds" wait_for 60 connection a 22 '.state == "established" and .moved_by == "reset"'

echo "peer 0x11 hello" >&4
try "a word reaches the other end, with the path back" says bob "^peer 0x21 hello $a_lid 0"
echo "peer 0x21 hello-you" >&5
try "and back" says alice "^peer 0x11 hello-you $b_lid 0"
# Alice names Carol's queue pair, which belongs to another connection; Dave names Bob's from another host than Bob's
# other end, with the number that this has.
echo "add 0x22 hfsim0 1 $a_gid $a_lid 0 0x99" >&6
wait_for 60 connection b 34 '.state == "established"'
echo "add 0x13 hfsim0 1 $b_gid $b_lid 0 0x22" >&4
echo "add 0x11 hfsim1 1 $b_gid $b_lid 0 0x21" >&7
two_of_one_number() { shows a 'map(select(.qpn == 17 and .state == "established")) | length == 2'; }
try "two adapters may have queue pairs of one number" wait_for 60 two_of_one_number
echo "peer 0x13 from-another-connection" >&4
echo "peer 0x11 from-another-host" >&7
echo "peer 0x11 done" >&4
echo "add 0x17 hfsim1 1 $b_gid $b_lid 0 0x27" >&7
echo "add 0x27 hfsim0 1 $a2_gid $a2_lid 0 0x17" >&5
wait_for 60 connection b 39 '.state == "established"'
echo "peer 0x17 done" >&7
says bob "^peer 0x21 done" && says bob "^peer 0x27 done"
try "a word of another connection is not delivered" test "$(lines carol '^peer')" -eq 0
try "nor one of another host" test "$(lines bob 'from-another-host')" -eq 0
echo "add 0x31 hfsim0 1 $a_gid $a_lid 0 0x32" >&4
echo "add 0x32 hfsim0 1 $a_gid $a_lid 0 0x31" >&7
wait_for 60 connection a 50 '.state == "established"'
echo "peer 0x31 neighbour" >&4
try "two programs of one port hear each other" says dave "^peer 0x32 neighbour $a_lid"
echo "peer 0x32 welcome" >&7
try "both ways" says alice "^peer 0x31 welcome $a_lid"

moves_before=$(lines alice '^move 0x11')
echo "add 0x11 hfsim0 1 $a2_gid $a2_lid 6 0x77" >&7
echo "add 0x18 hfsim0 1 $a2_gid $a2_lid 6 0x78" >&7
says dave "^move 0x18"
owns_17() { shows a "map(select(.qpn == 17 and .port == \"hfsim0:1\")) | length == 1 and .[0].program == \"$1\""; }
try "who adds another's queue pair gets nothing of it" owns_17 alice
try "but a line in the log" grep -q 'program "dave".*QPN 0x11 is left alone: another one has this number' a.log
try "and its owner hears nothing of that" test "$(lines alice '^move 0x11')" -eq "$moves_before"

# Everything of Alice's and of Bob's follows the SM.
qpn=64
for node in 0 1 2 3 4 5; do
	gid=fe80::268:6600:200:${node}01
	lid=$(ask a paths | jq -r "[.paths[] | select(.dgid == \"$gid\")][0].dlid")
	echo "add $qpn hfsim0 1 $gid $lid 0 1" >&4
	echo "add $qpn hfsim0 1 $gid $lid 0 1" >&5
	qpn=$((qpn + 1))
done
follows() {	# DAEMON: what its connections use is what the SM says
	ask "$1" paths >said
	jq '[.paths[] | select(.reachable) | {key: (.port + .dgid), value: [.dlid, .sl]}] | from_entries' said >kept
	ask "$1" connections | jq -e --slurpfile paths kept '[.connections[] | select(.qpn >= 64)] | length == 6 and
		all(.state == "established" and [.dlid, .sl] == $paths[0][.port + .dgid])'
}
both_follow() { follows a && follows b; }
try "connections to all hosts" wait_for 60 both_follow
cut_middle
uses_more_lanes() { shows a 'any(.qpn >= 64 and .sl > 0)' || shows b 'any(.qpn >= 64 and .sl > 0)'; }
try "a link is cut and SLs change" wait_for 60 uses_more_lanes
try "connections follow" wait_for 60 both_follow
told() { cat alice.out bob.out | grep -q '^move 0x4[0-5] [0-9]* 1 '; }
try "because their programs were told" told

kill -KILL "$dave_pid"
is_over "$dave_pid"
exec 7>&-
try "a program that was killed is forgotten" wait_for 60 shows a 'all(.program != "dave")'
try "with its session" wait_for 60 count_is a 1
echo "raw 100" >&6
try "who does not keep to the protocol is cut off" says carol "^end"
try "with a line in the log" grep -q 'program "carol".*does not keep to the protocol: cut off' b.log
again() { [ "$(lines carol '^welcome')" -eq 2 ]; }
try "and may come back" wait_for 60 again

# Carol sleeps while many words come for her.
echo "add 0x29 hfsim0 1 $a_gid $a_lid 0 0x19" >&6
wait_for 60 connection b 41 '.state == "established"'
kill -STOP "$carol_pid"
echo "add 0x19 hfsim0 1 $b_gid $b_lid 0 0x29" >&4
wait_for 60 connection a 25 '.state == "established"'
echo "flood 0x19 2000" >&4
echo "peer 0x11 meanwhile" >&4
try "while a program does not read, others are served" says bob "^peer 0x21 meanwhile"
forgets_carol() { shows b 'all(.program != "carol")'; }
try "it is cut off" wait_for 120 forgets_carol
try "with a line in the log" grep -q 'program "carol".*does not read: cut off' b.log
kill -CONT "$carol_pid"
try "it comes back when it can" wait_for 60 connection b 41 '.state == "established" and .program == "carol"'

stop_opensm
restart_with_lmc() { start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'lmc 1'; }
try "an SM that gives each port two LIDs" restart_with_lmc
has_other_lids() { [ "$(field_of a 0 lid)" -ne "$a_lid" ] || [ "$(field_of b 0 lid)" -ne "$b_lid" ]; }
wait_for 60 has_other_lids
try "connections follow to other LIDs" wait_for 60 both_follow
a_lid=$(field_of a 0 lid) b_lid=$(field_of b 0 lid)
echo "peer 0x11 lmc" >&4
try "and programs still hear each other" says bob "^peer 0x21 lmc $a_lid"
echo "add 0x1a hfsim0 1 - $((b_lid + 1)) 0 0x2a slid=$((a_lid + 1))" >&4
try "the second LID names its port, too, and leads to the SM's path" says alice "^move 0x1a $b_lid [0-9]* $b_gid"

kill "$b_pid"
is_over "$b_pid"
try_not "the socket goes with holdfastd" test -e b.programs
start_program mallory b 7 setpriv --reuid 65534 --regid 65534 --clear-groups
start_program trudy b 8 setpriv --reuid 65534 --regid 65534 --groups 4
try "holdfastd comes back, for a group alone" start_daemon b H_2_1_0 -o programs_group=adm
try "programs come back, too, and are where they were" wait_for 60 both_follow
echo "peer 0x11 again" >&4
try "and go on" says bob "^peer 0x21 again"
refused() { says mallory "^end" && says trudy "^welcome" && [ "$(lines mallory '^welcome')" -eq 0 ]; }
try "who is not in the group is refused, who is is not" refused
no_group() {
	env LD_PRELOAD="$umad" HF_UMAD_NODES=H_0_1_0 timeout 60 "$holdfastd" -f -c /dev/null -o socket= \
		-o programs_socket="$work/c" -o programs_group=no-such-group >c.log 2>&1 && return 1
	grep 'group "no-such-group"' c.log
}
try "a group that does not exist is named" no_group
