# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# Stock programs with libholdfast-verbs between two devices of the virtual machine, moved to and fro while they send. To
# be read after tap.sh, in an empty folder.
#
#   moves STRATEGY COUNT program [argument ...]   the program at both ends of the cable; COUNT is how many of its queue
#                                                 pairs can be moved in this way. It must end well, and each move must
#                                                 be seen on the wire

library=/lib/libholdfast-verbs.so
levels="3 1 6"

end() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

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
stop_daemon() {
	exec 4>&-
	end "$daemon_pid"
	end "$sniff_pid"
}

# preloaded program [argument ...]
preloaded() {
	HOLDFAST_SOCKET=$PWD/socket HOLDFAST_STRATEGY=$strategy HOLDFAST_LOG=stderr LD_PRELOAD=$library \
		timeout 300 "$@" 4>&-
}

is_listening() { grep -q ":$(printf '%04X' "$port") 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }

count_of() { grep -c "^$1 " daemon.log; }
are_added() { [ "$(count_of add)" -ge "$connections" ]; }
are_moved() { [ "$(count_of moved)" -ge "$1" ]; }

# The class of what each connection sends, by its device and the queue pair at the other end.
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
		grep -c " err=0 strategy=$strategy lost=0 ")" -eq "$connections" ] || return 1
	wait_for 60 has_class $(($1 << 5))
}
move_to_and_fro() {
	wait_for 60 are_added && wait_for 60 has_class 0 || return 1
	for level in $levels; do
		move_all "$level" || return 1
	done
}

moves() {
	strategy=$1 connections=$2 port=$((20000 + tap_count))
	shift 2
	start_daemon || return 1
	preloaded "$@" -p $port -d rxe1 >server.out 2>&1 &
	server_pid=$!
	wait_for 60 is_listening || { cat server.out; return 1; }
	preloaded "$@" -p $port -d rxe0 127.0.0.1 >client.out 2>&1 &
	client_pid=$!
	move_to_and_fro
	moves_rc=$?
	[ "$moves_rc" -eq 0 ] || end "$client_pid"
	wait "$client_pid" || moves_rc=1
	[ "$moves_rc" -eq 0 ] || end "$server_pid"
	wait "$server_pid" || moves_rc=1
	stop_daemon
	cat client.out server.out daemon.log wire
	return "$moves_rc"
}
