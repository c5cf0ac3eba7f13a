#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# libholdfast-verbs in front of stock programs, and of others, on simulated adapters. program_daemon stands for
# holdfastd: it orders moves, and the fabric's counters say on which service level packets then go.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm ibv_rc_pingpong ib_send_bw valgrind
sma=$top_builddir/.libs/libhfsim-sma.so
umad=$top_builddir/.libs/libhfsim-umad.so
verbs=$top_builddir/.libs/libhfsim-verbs.so
preload="$top_builddir/lib/.libs/libholdfast-verbs.so.0 $verbs"
fabric=$top_builddir/hfsim-fabric
IBSIM_SOCKNAME=hf-preload-$$
HF_FABRIC_MAP=$work/map
HOLDFAST_SOCKET=$work/programs.sock
HOLDFAST_LOG=$work/verbs.log
export IBSIM_SOCKNAME HF_FABRIC_MAP HOLDFAST_SOCKET HOLDFAST_LOG
ibsim_pid='' opensm_pid='' daemon_pid='' server_pid='' client_pid='' held_pid=''
port=$((10000 + $$ % 9900))	# one more for each pair; other tests begin at 20000
cd "$work" || exit 99

# end PID ...: each is the timeout(1) of a program; what it watches gets SIGTERM through it.
end() {
	for pid in "$@"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
}
stop() {
	exec 3>&- 4>&- 5>&-
	# shellcheck disable=SC2086 # each may be empty
	end $held_pid $client_pid $server_pid $daemon_pid $opensm_pid $ibsim_pid
}
on_exit stop

subnet_is_up() { grep -q 'SUBNET UP' opensm.log; }
start_fabric() {
	"$top_builddir/tests/topology_tool" generate mesh 3x2 2 >fabric.net
	mkfifo console
	LD_PRELOAD=$sma timeout 900 ibsim -s fabric.net <console >ibsim.log 2>&1 &
	ibsim_pid=$!
	exec 3>console
	wait_for 20 grep -q 'Network simulator ready' ibsim.log || return 1
	mkdir cache
	echo 'force_log_flush TRUE' >opensm.conf
	: >opensm.log
	OSM_CACHE_DIR=$work/cache OSM_TMP_DIR=$work HF_UMAD_NODES=sm LD_PRELOAD=$umad timeout 890 opensm -l 1 \
		-f "$work/opensm.log" -F "$work/opensm.conf" >opensm.out 2>&1 3>&- &
	opensm_pid=$!
	wait_for 30 subnet_is_up
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

# ---- moves of stock programs ----

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
mlx5_refuses() {
	forget
	begin ibv_rc_pingpong -n 100000000 && await_count '^add' 2 && order "move all sl=3" &&
		await_count '^moved .* err=-95 strategy=none' 2 && is_used H_2_1_0 0 && interrupt
}
moved_back_and_forth() {
	forget
	begin ib_send_bw -F -b -n 20000000 && await_count '^add' 2 || return 1
	for sl in 1 2 3 1 2 3; do
		forget
		order_until 2 apm "move all sl=$sl" || return 1
	done
	is_used H_2_1_0 3 && interrupt
}
survives_daemon() {
	forget
	begin ibv_rc_pingpong -n 100000000 && await_count '^add' 2 && stop_daemon && is_used H_2_1_0 0 &&
		start_daemon && await_count '^add' 2 && order "move all sl=5" &&
		await_count '^moved .* err=0' 2 && is_left H_2_1_0 0 5 && interrupt
}
# It does not read; when there are too many messages the program waits for it, and goes on meanwhile.
survives_deaf_daemon() {
	order deaf
	pair ibv_rc_pingpong -n 1000
	deaf_rc=$?
	order hears
	return "$deaf_rc"
}
datagrams_alone() { forget && pair ibv_ud_pingpong -n 500 && ! said '^hello'; }

# ---- programs of our own, both ends in one process ----

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

idle_is_drained() {
	hold_added && order "move all sl=3" && await_count '^moved .* err=0 strategy=sqd' 2 && tell query &&
		answered 'done query, SL 3' && tell exchange && answered 'done exchange' && ended_well
}
# A receiver that is not ready keeps the send queue from draining.
blocked_is_left_alone() {
	hold_added && tell send && answered 'done send' && order "move $first_qpn sl=3" && await '^moved .* err=-110 ' &&
		tell query && answered 'done query, SL 0' && tell receive && tell completed &&
		answered 'done completed' && ended_well
}
drains() { wait_for 20 grep -q 'debug: .*: sqd$' verbs.log; }
blocked_gives_way() {
	hold_added && tell send && answered 'done send' && order "move $first_qpn sl=3" && drains && tell query &&
		answered 'done query, SL 0' && await '^moved .* err=-4 ' && tell receive && tell completed &&
		answered 'done completed' && ended_well
}
blocked_is_destroyed() {
	hold_added && tell send && answered 'done send' && order "move $first_qpn sl=3" && drains && tell destroy &&
		answered 'done destroy' && await '^moved .* err=-125 ' && await '^remove' && ended_well
}
own_migration_untouched() {
	hold migrates && await '^add' && order "move $first_qpn sl=3" && await '^moved .* err=-1 ' && tell go && ended_well
}
does_not_wait_for_events() {
	hold looks_for_events && await_count '^add' 2 && order "move all sl=3" &&
		await_count '^moved .* err=0 strategy=apm' 2 && tell go && ended_well
}
closed_descriptors() {
	hold closes_all && await_count '^add' 2 && tell go && answered closed && await_count '^add' 4 &&
		order "move all sl=3" && await_count '^moved .* err=0' 2 && tell go && ended_well
}
known_when_loaded() { hold "$1" && await_count '^add' 2 && tell go && ended_well && has_said '^remove' 1; }
child_of() { sed -n 's/^child \([0-9]*\) .*/\1/p' held.out; }
forked() {
	hold forks && await_count "^add $first_qpn" 2 && tell go && answered child &&
		await_count "^add $(child_of) " 2 && ! said '^gone' && order "move all sl=3" &&
		await_count '^moved .* err=0' 4 && tell child && answered again && await "^gone $(child_of)" &&
		! said "^gone $first_qpn" && tell go && ended_well
}

# stress SECONDS [program before it ...]: moved all the time
stress() {
	stress_seconds=$1
	shift
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
	[ "$stress_rc" -eq 0 ] && said '^moved .* err=0 strategy=[as]'
}
memcheck() {
	stress 6 valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite
}

# What the simulated adapter does, it does behind the library too.
behind() { HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$preload timeout 60 "$top_builddir/tests/verbs_tool" "$1"; }
nothing_exported_but_verbs() {
	nm -D --defined-only "$top_builddir/lib/.libs/libholdfast-verbs.so.0" | awk '$2 != "A" { print $3 }' >exported
	cat exported
	! grep -v -e '^ibv_[a-z_]*@@IBVERBS_1' -e '^dlopen$' exported
}
# Linked with it, a program calls its functions, and libibverbs is behind them.
linked_with() {
	cat >linked.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <infiniband/verbs.h>
#include <stdio.h>

int main(void)
{
	Dl_info info;

	puts(dladdr((void *)ibv_modify_qp, &info) ? info.dli_fname : "none");
	return 0;
}
END
	"${CC:-cc}" linked.c -o linked "$top_builddir/lib/.libs/libholdfast-verbs.so" -libverbs &&
		env -u HF_FABRIC_MAP LD_LIBRARY_PATH="$top_builddir/lib/.libs" ./linked | grep holdfast-verbs
}
log_is_nowhere() {
	unset HOLDFAST_LOG
	quietly ibv_rc_pingpong -n 100 &&
		with HOLDFAST_LOG=stderr HOLDFAST_DRAIN_MS=long -- pair ibv_rc_pingpong -n 100 &&
		grep -q 'HOLDFAST_DRAIN_MS=long: allowed are 0 to 10000' client.out
}

plan 49
try "exports" nothing_exported_but_verbs
try "linking with it" linked_with
try "ibsim with a fabric map, opensm" start_fabric
for program in ibv_rc_pingpong ibv_uc_pingpong ibv_ud_pingpong; do
	try "no daemon: $program" quietly $program -n 500
done
for program in ib_send_bw ib_write_bw ib_send_lat; do
	try "no daemon: $program" quietly $program -F -n 500
done
try "a daemon comes" start_daemon
try "what a program has is told, and that it goes" with HOLDFAST_STRATEGY=apm -- \
	until_the_end 2 apm 3 ib_send_lat -F -n 2000000
try "datagrams are left alone" datagrams_alone
try "apm: ibv_rc_pingpong with the new interface" with HOLDFAST_STRATEGY=apm -- \
	endless 2 apm 3 ibv_rc_pingpong -n 100000000 -N
try "apm: ibv_rc_pingpong" with HOLDFAST_STRATEGY=apm -- endless 2 apm 3 ibv_rc_pingpong -n 100000000
try "apm: ib_send_bw, both ways, back and forth" with HOLDFAST_STRATEGY=apm -- moved_back_and_forth
try "sqd: ibv_rc_pingpong" with HOLDFAST_STRATEGY=sqd -- endless 2 sqd 4 ibv_rc_pingpong -n 100000000
try "sqd: ibv_uc_pingpong" with HOLDFAST_STRATEGY=sqd -- endless 2 sqd 4 ibv_uc_pingpong -n 100000000
try "sqd: ib_send_bw to its end" with HOLDFAST_STRATEGY=sqd -- until_the_end 1 sqd 5 ib_send_bw -F -n 1000000
try "sqd: ib_write_bw" with HOLDFAST_STRATEGY=sqd -- endless 1 sqd 5 ib_write_bw -F -n 5000000
try "sqd: ib_send_lat" with HOLDFAST_STRATEGY=sqd -- endless 2 sqd 5 ib_send_lat -F -n 50000000
try "auto: an adapter without alternate paths drains" with HF_VERBS_MODEL=rxe -- endless 2 sqd 2 \
	ibv_rc_pingpong -n 100000000
try "auto: an adapter without SQD migrates" with HF_VERBS_MODEL=mlx5 -- endless 2 apm 2 ibv_rc_pingpong -n 100000000
try "sqd, but the adapter cannot" with HF_VERBS_MODEL=mlx5 HOLDFAST_STRATEGY=sqd -- mlx5_refuses
try "a daemon that goes and comes again" survives_daemon
try "a daemon that does not read" survives_deaf_daemon
try "apm of an idle connection: drained" idle_is_drained
try "sqd: it cannot drain in its time" with HOLDFAST_STRATEGY=sqd HOLDFAST_DRAIN_MS=300 -- blocked_is_left_alone
slow="HOLDFAST_STRATEGY=sqd HOLDFAST_DRAIN_MS=10000 HOLDFAST_LOG_LEVEL=debug"
# shellcheck disable=SC2086 # several
try "sqd: the program looks meanwhile" with $slow -- blocked_gives_way
# shellcheck disable=SC2086
try "sqd: the program destroys meanwhile" with $slow -- blocked_is_destroyed
try "an alternate path of the program's own" own_migration_untouched
try "a program that looks for events" does_not_wait_for_events
try "a program that closes all descriptors" closed_descriptors
try "libibverbs loaded by dlopen" known_when_loaded loads
try "and its functions found by their version" known_when_loaded loads_by_version
try "fork" forked
for strategy in apm sqd auto; do
	try "stress: $strategy" with HOLDFAST_STRATEGY=$strategy -- stress 4
done
try "stress: sqd under valgrind" with HOLDFAST_STRATEGY=sqd -- memcheck
for case in sends reads atomics flushes migrated drained extended loaded transitions; do
	try "behind the library: $case" behind $case
done
try "log" log_is_nowhere
