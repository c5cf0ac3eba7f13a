#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# libholdfast-verbs on adapters that can neither drain nor migrate: connections are reset, again and again, while
# programs use them, and nothing is lost, doubled or out of order.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm ibv_rc_pingpong ib_send_bw ib_atomic_bw valgrind
. "$top_srcdir/tests/preload.sh"

HF_VERBS_MODEL=plain
export HF_VERBS_MODEL
MOVES=20

# move_all COUNT PATTERN: so many connections, to another SL each time
sl=0
move_all() {
	sl=$((sl % 7 + 1))
	: >daemon.log
	order "move all sl=$sl"
	# An end whose order comes when the other end has moved both has nothing to do.
	await_count "^moved .* err=0 strategy=\\(reset\\|none\\) $2" "$1" && said "^moved .* err=0 strategy=reset $2"
}
# move_often COUNT N: N times, and nothing is lost
move_often() {
	for round in $(seq 1 "$2"); do
		move_all "$1" 'lost=0 ' || { echo "in round $round"; return 1; }
	done
}
# often COUNT program [argument ...]: an endless program with so many connections; packets go to the last SL
# alone
often() {
	often_count=$1
	shift
	forget
	begin "$@" && await_count '^add' "$often_count" && is_used H_2_1_0 0 && move_often "$often_count" "$MOVES" &&
		is_left H_2_1_0 0 "$sl"
	often_rc=$?
	interrupt && [ "$often_rc" -eq 0 ]
}

# keep_order N option ...: preload_order, moved N times
begin_order() {
	rm -f held held.out
	mkfifo held
	forget
	HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$preload timeout 240 "$@" <held >held.out 2>&1 3>&- 5>&- &
	held_pid=$!
	exec 4>held
	await_count '^add' 2 && wait_for 30 grep -q ready held.out
}
end_order() {
	exec 4>&-
	wait "$held_pid"
	order_rc=$?
	held_pid=''
	cat held.out
	grep -v '^peer' daemon.log | tail -n 20
	tail -n 20 verbs.log
	return "$order_rc"
}
tool=$top_builddir/tests/preload_order
keep_order() {
	order_moves=$1
	shift
	begin_order "$tool" "$@" && move_often 2 "$order_moves"
	moved_rc=$?
	end_order && [ "$moved_rc" -eq 0 ]
}
# What the ends say to each other is lost, at the beginning of each move.
lossy() {
	begin_order "$tool" "$@"
	lossy_rc=$?
	for losses in 1 2 3 1 2 3 1 2; do
		order "lose $losses"
		move_all 2 'lost=0 ' || lossy_rc=1
	done
	end_order && [ "$lossy_rc" -eq 0 ]
}
# With HOLDFAST_LOST=flush some are lost, and some move must have lost some; the connection works again after it.
flushes() {
	begin_order "$tool" flush "$@"
	flush_rc=$?
	for _ in $(seq 1 60); do
		move_all 2 '' || flush_rc=1
		cat daemon.log >>flush.log
	done
	end_order && [ "$flush_rc" -eq 0 ] && grep '^moved .*lost=[1-9]' flush.log && grep 'flushed [1-9]' held.out
}
under_valgrind() {
	begin_order valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite "$tool" "$@" && move_often 2 12
	moved_rc=$?
	end_order && [ "$moved_rc" -eq 0 ]
}

# One end is moved alone; the other follows it, on its own path.
one_end() {
	begin_order "$tool"
	one_rc=$?
	qpn=$(first_qpn)
	for one_sl in 1 2 3 4 5 6; do
		: >daemon.log
		order "move $qpn sl=$one_sl"
		await "^moved [0-9]* $qpn .*err=0 strategy=reset lost=0" || one_rc=1
	done
	end_order && [ "$one_rc" -eq 0 ]
}

first_qpn() { sed -n 's/^add [0-9]* \([0-9]*\) .*/\1/p' daemon.log | head -n 1; }

# hears_up_to N goes_on|ends ANSWER: sleeping ends, of whose messages all are lost but the first N; these are FREEZE,
# LIFE, FREEZE, FROZEN, GO, GONE
hears_up_to() {
	hears_how=$2 hears_answer=$3
	begin_order "$tool" events || return 1
	order "lose 1000000 $1"
	order "move $(first_qpn) sl=1"
	await "^moved .* $hears_answer"
	hears_rc=$?
	"$hears_how" && [ "$hears_rc" -eq 0 ]
}
# When words come through again it works as before: both ends may be moved.
goes_on() {
	order "lose 0"
	sl=1
	move_often 2 2
	goes_rc=$?
	end_order && [ "$goes_rc" -eq 0 ]
}
# The one that waits says so again, and is answered.
comes_back() {
	: >daemon.log
	order "lose 0"
	await '^passive' && goes_on
}
# At one of the ends a message fails in its turn, and the program is woken to see it.
ends() {
	wait_for 30 grep -q -e 'Flushed Error' -e 'retry counter exceeded' held.out
	ends_rc=$?
	order "lose 0"
	end_order
	return "$ends_rc"
}

# asked_in_vain: a connection, one end of which has been asked and has stopped, and is not heard
asked_in_vain() {
	order "lose 1000000 3"
	order "move $first_qpn sl=3" && await "^peer .* to nobody"
}
# meanwhile WORD: then the program does this, and the connection goes on
meanwhile() {
	hold_added && tell exchange && answered 'done exchange' && asked_in_vain && tell "$1" && asked_longer &&
		order "lose 0" && answered "done $1" && tell exchange && wait_for 20 has_exchanged 2 &&
		move_all 2 'lost=0 ' && tell exchange && wait_for 20 has_exchanged 3 && ended_well
}
# For longer than a call of the program's waits before it cuts a move short that can be.
asked_longer() { await_count '^peer .* to nobody' 8; }
has_exchanged() { [ "$(grep -c '^done exchange' held.out)" -ge "$1" ]; }
# Nothing has gone over it yet, and the other end is where its program has left it.
anew_meanwhile() {
	hold_added && asked_in_vain && tell anew && answered 'done anew' && await_count '^add' 3 && order "lose 0" &&
		tell exchange && answered 'done exchange' && move_all 2 'lost=0 ' && tell exchange &&
		wait_for 20 has_exchanged 2 && ended_well
}

# The ends of two lives, one of which was in use, find each other, whichever asks: both stay in use.
next_life_is_met() {
	sl=1
	hold_added && tell exchange && answered 'done exchange' && tell anew && answered 'done anew' &&
		await_count '^add' 3 && order "move $first_qpn sl=1" && await '^moved .* err=-11 ' &&
		order "move $(sed -n 's/^ready [0-9]* //p' held.out) sl=1" && await_count '^moved .* err=-11 ' 2 &&
		tell other && answered 'done other,' && tell query && answered 'done query,' &&
		tell other anew && answered 'done other anew' && tell exchange && wait_for 20 has_exchanged 2 &&
		await_count '^add' 4 && move_all 2 'lost=0 ' && tell exchange && wait_for 20 has_exchanged 3 && ended_well
}

# A switch has lost its route: the connection is moved to the port's other LID before its retries are used up.
smp() { HF_UMAD_NODES=H_0_0_1 LD_PRELOAD=$umad timeout 20 "$top_builddir/tests/sma_tool" "$@"; }
lid_of() { "$fabric" ports "$1" | awk 'NR == 1 { print $3 }'; }
rescued() {
	far=$(lid_of H_2_1_0)
	way=$("$fabric" route H_0_0_0 "$far" | sed -n 's/^S_0_0\[\([0-9]*\)\] ->.*/\1/p')
	begin_order "$tool" || return 1
	qpn=$(sed -n "s/^add [0-9]* \([0-9]*\) .* dlid=$far .*/\1/p" daemon.log)
	smp lft "$(lid_of S_0_0)" "$far" 255 && order "move $qpn dlid=$((far + 1))" &&
		await "^moved .* $qpn .*err=0 strategy=reset lost=0 " && said ' replayed=[1-9]'
	rescued_rc=$?
	smp lft "$(lid_of S_0_0)" "$far" "$way"
	end_order && [ "$rescued_rc" -eq 0 ]
}

# The other end's library may not do it: after a second without an answer everything is as before.
other_end_does_not() {
	forget
	port=$((port + 1))
	HOLDFAST_STRATEGY=apm HF_UMAD_NODES=H_0_0_0 LD_PRELOAD=$preload timeout 240 ibv_rc_pingpong -n 100000000 -p "$port" \
		>server.out 2>&1 3>&- 5>&- &
	server_pid=$!
	wait_for 20 is_listening "$port" || return 1
	HF_UMAD_NODES=H_2_1_0 LD_PRELOAD=$preload timeout 240 ibv_rc_pingpong -n 100000000 -p "$port" 127.0.0.1 \
		>client.out 2>&1 3>&- 5>&- &
	client_pid=$!
	await_count '^add' 2 && client_qpn=$(sed -n 's/^add [0-9]* \([0-9]*\) .* dlid=6 .*/\1/p' daemon.log) &&
		order "move $client_qpn sl=3" && await '^moved .* err=-\(110\|11\|95\) ' && is_used H_2_1_0 0
	not_rc=$?
	interrupt && [ "$not_rc" -eq 0 ]
}

# The other end is killed while it is asked: the program sees what it would have seen, and ends.
killed_meanwhile() {
	forget
	begin ibv_rc_pingpong -n 100000000 && await_count '^add' 2 && is_used H_2_1_0 0 || return 1
	order "lose 1000000"
	order "move all sl=3"
	wait_for 20 said '^peer' || return 1
	pkill -KILL -P "$server_pid"
	wait "$client_pid"
	killed_rc=$?
	wait "$server_pid"
	client_pid='' server_pid=''
	order "lose 0"
	cat client.out
	[ "$killed_rc" -ne 0 ] && [ "$killed_rc" -ne 124 ] && grep -q 'transport retry counter exceeded' client.out
}

plan 51
try "ibsim with a fabric map, opensm" start_fabric
try "a daemon" start_daemon
try "ibv_rc_pingpong" often 2 ibv_rc_pingpong -n 100000000
try "ibv_rc_pingpong, sleeping" often 2 ibv_rc_pingpong -n 100000000 -e
try "ibv_rc_pingpong with the new interface" often 2 ibv_rc_pingpong -n 100000000 -N
try "ibv_srq_pingpong" often 32 ibv_srq_pingpong -n 100000000
try "ib_send_bw" often 2 ib_send_bw -F -n 100000000
try "ib_send_bw, long messages" often 2 ib_send_bw -F -s 1000000 -n 100000000
try "ib_send_bw, long messages into a shared receive queue" often 2 ib_send_bw -F -s 1000000 -n 100000000 --use-srq
try "ib_send_bw with the old interface" often 2 ib_send_bw -F -n 100000000 --use_old_post_send
try "ib_send_bw both ways" often 2 ib_send_bw -F -b -n 100000000
try "ib_write_bw" often 2 ib_write_bw -F -n 100000000
try "ib_read_bw" often 2 ib_read_bw -F -n 100000000
try "ib_atomic_bw" often 2 ib_atomic_bw -F -n 100000000
try "ib_send_lat" often 2 ib_send_lat -F -n 100000000
try "ib_write_bw, unreliable" often 2 ib_write_bw -F -c UC -n 100000000
try "order" keep_order 40
try "order: new" keep_order 40 new
try "order: extended" keep_order 40 extended
try "order: events" keep_order 40 events
try "order: all of these" keep_order 40 new extended events
try "order: one end is moved" one_end
try "order: the program changes it all the time" keep_order 40 changes
try "order: likewise, all of these" keep_order 40 changes new extended events
try "order: messages between the ends are lost" lossy
try "order: likewise, and the program changes it" lossy changes
try "order: flushed" with HOLDFAST_LOST=flush -- flushes
try "order: flushed, sleeping" with HOLDFAST_LOST=flush -- flushes new events
try "order: under valgrind" under_valgrind
try "order: under valgrind, all interfaces" under_valgrind new extended events
try "the other end does not do it" other_end_does_not
try "the old path is dead" rescued
try "nobody is heard: nothing is done" hears_up_to 0 goes_on 'err=-110 '
try "nor is this end's question: likewise" hears_up_to 2 goes_on 'err=-110 '
try "who is frozen is heard when it is too late" hears_up_to 3 goes_on 'err=-110 '
try "who is frozen and hears no more ends" hears_up_to 3 ends 'err=-110 '
try "no GO: likewise" hears_up_to 4 ends 'err=0 strategy=reset'
try "GO comes late: it goes on" hears_up_to 4 comes_back 'err=0 strategy=reset'
try "no GONE: likewise" hears_up_to 5 goes_on 'err=0 strategy=reset'
try "the program changes it while it is asked" meanwhile adjust
try "the program makes it anew while it is asked" anew_meanwhile
try "the ends of two lives find each other" next_life_is_met
try "the other end is killed meanwhile" killed_meanwhile
try "the program drains it while it is asked" with HF_VERBS_MODEL=mthca HOLDFAST_STRATEGY=reset -- meanwhile drain
try "stress" with HF_VERBS_MODEL=mthca HOLDFAST_STRATEGY=reset -- stress 4 reset
for case in sends reads atomics flushes extended loaded; do
	try "behind the library: $case" behind $case
done
