# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# Programs with libholdfast-verbs between two devices of the virtual machine, moved to and fro while they send;
# program_daemon orders it. On Ethernet the service level becomes the upper bits of the traffic class, and each move
# must be seen there on the wire, at both ends where both are moved. To be read after tap.sh, in an empty folder.
#
#   moves STRATEGY COUNT program [argument ...]   the program at both ends of the cable; COUNT is how many of its queue
#                                                 pairs can be moved so. It must end well
#   moves_cut COUNT program [argument ...]        likewise, but while the cable is cut: nothing drains, and the adapter
#                                                 refuses to go back, so that there must be a reset
#   moves_managed STRATEGY COUNT rping ...        its ends are connected by the connection manager
#   moves_unreliable COUNT program [argument ...] unreliable connections are moved by a reset, and then ended
#   moves_within STRATEGY program ...             one that has both ends, and stops at the end of its standard input
#   set_cable ARGUMENT ...                        of tc-netem(8): delay, loss

library=/lib/libholdfast-verbs.so
levels="3 1 6"
client_pid='' server_pid='' daemon_pid='' sniff_pid=''

end() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
stop() {
	exec 4>&- 5>&-
	for pid in "$client_pid" "$server_pid" "$daemon_pid" "$sniff_pid"; do
		end "$pid"
	done
	client_pid='' server_pid='' daemon_pid='' sniff_pid=''
}
on_exit stop

start_daemon() {
	rm -f orders socket
	mkfifo orders
	program_daemon socket <orders >daemon.log 2>&1 &
	daemon_pid=$!
	exec 4>orders
	sniff v0 >wire 2>&1 4>&- &
	sniff_pid=$!
	wait_for 30 test -S socket
}

# preloaded program [argument ...], in the background: the process is the program's own.
preloaded() {
	exec env HOLDFAST_SOCKET="$PWD/socket" HOLDFAST_STRATEGY="$strategy" HOLDFAST_LOG=stderr LD_PRELOAD=$library \
		timeout 300 "$@" 4>&- 5>&-
}

is_listening() { grep -q ":$(printf '%04X' "$port") 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }

count_of() { grep -c "^$1 " daemon.log; }
are_added() { [ "$(count_of add)" -ge "$connections" ]; }
are_moved() { [ "$(count_of moved)" -ge "$1" ]; }

# The class of what each connection sends now, by its device and the queue pair at the other end.
has_class() {
	sed -n 's/^add .* dest=\([0-9]*\) device=rxe\([0-9]*\) .*/\1 \2/p' daemon.log | sort -u >ends
	while read -r dest device; do
		awk -v source="fe80::ff:fe00:$device" -v qpn="$dest" -v class="$1" '
			$1 == source && $2 == qpn { last = $3 }
			END { exit last == "" || last != class }' wire || return 1
	done <ends
}

move_all() {
	moved_before=$(count_of moved)
	echo "move all sl=$1" >&4
	wait_for 60 are_moved $((moved_before + connections)) || return 1
	[ "$(grep '^moved ' daemon.log | tail -n "$connections" |
		grep -c " err=0 strategy=$by lost=0 ")" -eq "$connections" ] && wait_for 60 has_class $(($1 << 5))
}
set_cable() {
	for device in v0 v1; do
		tc qdisc replace dev $device root netem limit 100000 "$@" || return 1
	done
}

# What was on its way when the cable was cut is acknowledged still, what the client sends then is lost. Its end may be
# the one that asks, or the other one, that of the receiver.
has_lost() { tc -s qdisc show dev v0 | grep -q 'dropped [1-9]'; }
is_reset() { grep -E '^(moved .* err=0|passive .*) strategy=reset lost=0 replayed=[1-9]' daemon.log; }
move_cut() {
	wait_for 60 are_added && wait_for 60 has_class 0 && tc qdisc replace dev v0 root netem loss 100% &&
		wait_for 60 has_lost || return 1
	echo "move all sl=5" >&4
	wait_for 60 is_reset && set_cable delay 10ms && wait_for 60 has_class 160
}
# The kernel does not change the path of an unreliable connection in SQD. What is on its way then is lost.
is_reset_alone() { [ "$(grep -c '^moved .* err=0 strategy=reset' daemon.log)" -eq "$connections" ]; }
move_unreliable() {
	wait_for 60 are_added && wait_for 60 has_class 0 || return 1
	echo "move all sl=5" >&4
	wait_for 60 is_reset_alone
}
move_to_and_fro() {
	wait_for 60 are_added && wait_for 60 has_class 0 || return 1
	for level in $levels; do
		move_all "$level" || return 1
	done
}

prepare() {
	strategy=$1 by=$1 connections=$2 port=$((20000 + tap_count))
	[ "$strategy" != auto ] || by=sqd
	start_daemon
}

# start_pair program [argument ...]
start_pair() {
	preloaded "$@" -p $port -d rxe1 >server.out 2>&1 &
	server_pid=$!
	wait_for 60 is_listening || { cat server.out; return 1; }
	preloaded "$@" -p $port -d rxe0 127.0.0.1 >client.out 2>&1 &
	client_pid=$!
}

moves() {
	prepare "$1" "$2" || return 1
	shift 2
	start_pair "$@" && move_to_and_fro
	finish $?
}

# rping: its ends find each other by addresses, not by a socket.
is_managed() { rdma resource show cm_id | grep -q 'state LISTEN'; }
moves_managed() {
	prepare "$1" "$2" || return 1
	shift 2
	preloaded "$@" -s -a ::0 -p $port >server.out 2>&1 &
	server_pid=$!
	wait_for 60 is_managed || { cat server.out; return 1; }
	preloaded "$@" -c -I fe80::ff:fe00:0%v0 -a fe80::ff:fe00:1%v1 -p $port >client.out 2>&1 &
	client_pid=$!
	move_to_and_fro
	finish $?
}

moves_cut() {
	prepare all "$1" || return 1
	shift
	start_pair "$@" && move_cut
	finish $?
}

moves_unreliable() {
	prepare all "$1" || return 1
	shift
	start_pair "$@" && move_unreliable
	moves_rc=$?
	finish 1
	return $moves_rc
}

moves_within() {
	prepare "$1" 2 || return 1
	shift
	rm -f input
	mkfifo input
	preloaded "$@" <input >client.out 2>&1 &
	client_pid=$!
	exec 5>input
	move_to_and_fro
	moves_rc=$?
	exec 5>&-
	finish $moves_rc
}

# The programs end by themselves, unless something has gone wrong.
finish() {
	if [ "$1" -eq 0 ]; then
		finish_rc=0
		wait "$client_pid" || finish_rc=1
		client_pid=''
		[ -z "$server_pid" ] || wait "$server_pid" || finish_rc=1
		server_pid=''
	else
		finish_rc=$1
	fi
	stop
	cat client.out
	[ ! -e server.out ] || cat server.out
	cat daemon.log wire
	rm -f server.out
	return "$finish_rc"
}
