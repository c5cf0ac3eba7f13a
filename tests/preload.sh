# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# shellcheck disable=SC2034 # used by those who source it
# What the tests of libholdfast-verbs share: a fabric of ibsim and opensm, program_daemon, which stands for holdfastd
# and orders moves, and programs in front of which the library is loaded.
#
#   . "$top_srcdir/tests/tap.sh"
#   need ...
#   . "$top_srcdir/tests/preload.sh"

. "$top_srcdir/tests/ibsim.sh"

sma=$top_builddir/.libs/libhfsim-sma.so
verbs=$top_builddir/.libs/libhfsim-verbs.so
preload="$top_builddir/lib/.libs/libholdfast-verbs.so.0 $verbs"
fabric=$top_builddir/hfsim-fabric
IBSIM_SOCKNAME=hf-preload-$$
HF_FABRIC_MAP=$work/map
HOLDFAST_SOCKET=$work/programs.sock
HOLDFAST_LOG=$work/verbs.log
export IBSIM_SOCKNAME HF_FABRIC_MAP HOLDFAST_SOCKET HOLDFAST_LOG
daemon_pid='' server_pid='' client_pid='' held_pid=''
port=$((10000 + $$ % 9900))	# one more for each pair; other tests begin at 20000
cd "$work" || exit 99

stop() {
	exec 3>&- 4>&- 5>&-
	# shellcheck disable=SC2086 # each may be empty
	end $held_pid $client_pid $server_pid $daemon_pid $opensm_pid $ibsim_pid
}
on_exit stop

start_fabric() {
	"$top_builddir/tests/topology_tool" generate mesh 3x2 2 >fabric.net
	ibsim_env=LD_PRELOAD=$sma
	run_ibsim fabric.net && run_opensm -l 1
}

# daemon.log begins anew with each daemon, and with each "forget".
start_daemon() {
	rm -f commands
	mkfifo commands
	: >daemon.log
	timeout 900 "$top_builddir/tests/program_daemon" "$HOLDFAST_SOCKET" <commands >>daemon.log 2>&1 3>&- &
	daemon_pid=$!
	exec 5>commands
	wait_for 10 test -S "$HOLDFAST_SOCKET"
}
stop_daemon() {
	exec 5>&-
	end "$daemon_pid"
	daemon_pid=''
	rm -f "$HOLDFAST_SOCKET"
}
order() { echo "$*" >&5; }
forget() { : >daemon.log; : >verbs.log; }
said() { grep -q -e "$1" daemon.log; }
await() { await_count "$1" 1; }
has_said() { [ "$(grep -c -e "$1" daemon.log)" -ge "$2" ]; }
# await_count PATTERN N: so many lines of the daemon's
await_count() { wait_for 60 has_said "$1" "$2" || { echo "not $2 times: $1"; cat daemon.log verbs.log; return 1; }; }

# counted NODE DIRECTION SL: packets
counted() { "$fabric" counters "$1" | awk -v p="$1[1]" -v d="$2" -v sl="$3" \
	'$1 == p && $2 == d && $4 == sl { n = $5 } END { print n + 0 }'; }
grows() { [ "$(counted "$1" xmit "$2")" -gt "$3" ]; }
is_used() { wait_for 20 grows "$1" "$2" "$(counted "$1" xmit "$2")"; }
# Once nothing is on its way any more, an SL that is left stays as it is while another one is used.
is_left() {
	is_used "$1" "$3" || return 1
	left=$(counted "$1" xmit "$2")
	is_used "$1" "$3" && is_used "$1" "$3" && [ "$(counted "$1" xmit "$2")" -eq "$left" ]
}

is_listening() { grep -qi ":$(printf '%04X' "$1") 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }

# begin program [argument ...]: its server at H_0_0_0 and its client at H_2_1_0, in the background.
begin() {
	port=$((port + 1))
	HF_UMAD_NODES=H_0_0_0 LD_PRELOAD=$preload timeout 240 "$@" -p "$port" >server.out 2>&1 3>&- 5>&- &
	server_pid=$!
	wait_for 20 is_listening "$port" || { cat server.out; return 1; }
	HF_UMAD_NODES=H_2_1_0 LD_PRELOAD=$preload timeout 240 "$@" -p "$port" 127.0.0.1 >client.out 2>&1 3>&- 5>&- &
	client_pid=$!
}
finish() {
	wait "$client_pid"
	finish_rc=$?
	wait "$server_pid" || finish_rc=$?
	client_pid='' server_pid=''
	cat client.out server.out verbs.log
	return "$finish_rc"
}
# One that would go on for ever. It must not have found an error up to now.
interrupt() {
	kill -0 "$client_pid" && kill -0 "$server_pid"
	interrupt_rc=$?
	end "$client_pid" "$server_pid"
	client_pid='' server_pid=''
	cat client.out server.out daemon.log
	[ "$interrupt_rc" -eq 0 ] && ! grep -i -e 'failed status' -e 'with error' client.out server.out
}
pair() { begin "$@" && finish; }
quietly() { pair "$@" && ! grep -q holdfast client.out server.out; }

# moves COUNT STRATEGY SL program [argument ...]: so many connections, from SL 0 to SL
moves() {
	moves_count=$1 moves_by=$2 moves_sl=$3
	shift 3
	forget
	begin "$@" && await_count '^add' "$moves_count" && is_used H_2_1_0 0 &&
		order_until "$moves_count" "$moves_by" "move all sl=$moves_sl" && is_left H_2_1_0 0 "$moves_sl"
}
# As holdfastd does, which tries again what has failed.
order_until() {
	for _ in 1 2 3 4 5; do
		order "$3"
		wait_for 15 has_said "^moved .* err=0 strategy=$2 lost=0" "$1" && return 0
	done
	cat daemon.log verbs.log
	return 1
}
endless() { if moves "$@"; then interrupt; else interrupt; return 1; fi; }
# While it runs on, to the end.
until_the_end() { moves "$@" && finish && await_count '^gone' 1; }

# ---- preload_tool: programs with both ends in one process ----

# hold CASE: in the background until it says a first word; "tell" writes it a line.
hold() {
	rm -f held held.out
	mkfifo held
	forget
	HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$preload timeout 240 "$top_builddir/tests/preload_tool" "$1" <held \
		>held.out 2>&1 3>&- 5>&- &
	held_pid=$!
	exec 4>held
	wait_for 20 grep -q '^[a-z]* [0-9]' held.out || { cat held.out; return 1; }
	read -r _ first_qpn _ <held.out
}
tell() { echo "$*" >&4; }
answered() { wait_for 20 grep -q "^$1" held.out || { cat held.out; return 1; }; }
ended_well() {
	exec 4>&-
	wait "$held_pid"
	ended_rc=$?
	held_pid=''
	cat held.out daemon.log verbs.log
	return "$ended_rc"
}
hold_added() { hold held && await_count '^add' 2; }

# with NAME=VALUE ... -- command ...
with() {
	while [ "$1" != -- ]; do
		export "${1?}"
		with_names="${with_names:-} ${1%%=*}"
		shift
	done
	shift
	"$@"
	with_rc=$?
	# shellcheck disable=SC2086 # a list
	unset $with_names with_names
	return "$with_rc"
}

# stress SECONDS STRATEGY [program before it ...]: connections come and go, and are moved all the time, some of them by
# a strategy whose name begins with this pattern
stress() {
	stress_seconds=$1 stress_by=$2
	shift 2
	forget
	HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$preload timeout 240 "$@" "$top_builddir/tests/preload_stress" \
		"$stress_seconds" >stress.out 2>&1 3>&- 5>&- &
	held_pid=$!
	while kill -0 "$held_pid" 2>/dev/null; do
		for sl in 1 2 3 4 5; do
			order "move all sl=$sl"
			sleep 0.01
		done
	done
	wait "$held_pid"
	stress_rc=$?
	held_pid=''
	cat stress.out
	sed -n 's/^moved .* \(err=.*\) paused.*/\1/p' daemon.log | sort | uniq -c
	[ "$stress_rc" -eq 0 ] && said "^moved .* err=0 strategy=$stress_by"
}

# What the simulated adapter does, it does behind the library too.
behind() { HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$preload timeout 60 "$top_builddir/tests/verbs_tool" "$1"; }
