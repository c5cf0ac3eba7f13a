#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# libholdfast-verbs in front of stock programs, and of others, on simulated adapters. program_daemon stands for
# holdfastd: it orders moves, and the fabric's counters say on which service level packets then go.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm ibv_rc_pingpong ib_send_bw valgrind
. "$top_srcdir/tests/preload.sh"

# ---- moves of stock programs ----

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
looked_at_alone() {
	forget
	HF_UMAD_NODES=H_0_0_0 LD_PRELOAD=$preload ibv_devinfo -v >devinfo.out && grep -q hfsim0 devinfo.out &&
		! grep hfsim0 verbs.log
}
datagrams_alone() { forget && pair ibv_ud_pingpong -n 500 && ! said '^hello'; }

# ---- programs of our own, both ends in one process ----

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
# It neither drains nor goes back, and there is no other way.
is_stuck() {
	hold_added && tell send && answered 'done send' && order "move $first_qpn sl=3" && will_not_drain &&
		await '^moved .* err=-110 strategy=none'
}
will_not_drain() { wait_for 20 grep -q 'debug: .*: not by sqd: Connection timed out' verbs.log; }
# Another order is refused at once; the program that asks for its state waits for the end.
stuck_fails() {
	is_stuck && order "move $first_qpn sl=4" && await '^moved .* err=-16 strategy=none' && tell failed &&
		answered 'done failed' && tell flushed &&
		answered 'done flushed' && grep -q 'stuck in SQD, brought to the error state' verbs.log && ended_well
}
stuck_drains_after_all() {
	is_stuck && tell send && answered 'done send' && tell receive && tell completed && answered 'done completed' &&
		tell query && answered 'done query, SL 0' && tell receive && tell completed && ended_well && ! grep -q 'stuck in SQD' verbs.log
}
stuck_is_destroyed() {
	is_stuck && tell destroy && answered 'done destroy' && await '^remove' && ended_well
}
stuck_is_reset() {
	hold_added && tell send && answered 'done send' && order "move $first_qpn sl=3" &&
		await '^moved .* err=0 strategy=reset lost=0 replayed=1' && tell query && answered 'done query, SL 3' &&
		tell receive && tell completed && answered 'done completed' && ended_well
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

memcheck() {
	stress 6 "[as]" valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite
}

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

plan 59
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
try "nothing is tried on a device that is only looked at" looked_at_alone
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
try "auto: that one's work requests are recorded" grep -q 'hfsim0: work requests are recorded' verbs.log
: >verbs.log
try "all: so are those of an adapter that drains" with HOLDFAST_STRATEGY=all -- quietly ib_send_lat -F -n 500
try "as it says" grep -q 'hfsim0: work requests are recorded' verbs.log
: >verbs.log
try "auto: not so" quietly ib_send_lat -F -n 500
try "its data path stays as it is" grep -q 'hfsim0: the data path stays as it is' verbs.log
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
strict="HF_VERBS_MODEL=strict HOLDFAST_DRAIN_MS=200 HOLDFAST_LOG_LEVEL=debug"
# shellcheck disable=SC2086
try "stuck in SQD: an error in the end" with $strict HOLDFAST_STUCK_MS=1500 -- stuck_fails
# shellcheck disable=SC2086
try "stuck in SQD: it drains after all" with $strict -- stuck_drains_after_all
# shellcheck disable=SC2086
try "stuck in SQD: the program destroys meanwhile" with $strict -- stuck_is_destroyed
# shellcheck disable=SC2086
try "stuck in SQD: a reset, where there is a record" with $strict HOLDFAST_STRATEGY=all -- stuck_is_reset
try "an alternate path of the program's own" own_migration_untouched
try "a program that looks for events" does_not_wait_for_events
try "a program that closes all descriptors" closed_descriptors
try "libibverbs loaded by dlopen" known_when_loaded loads
try "and its functions found by their version" known_when_loaded loads_by_version
try "fork" forked
for strategy in apm sqd auto; do
	try "stress: $strategy" with HOLDFAST_STRATEGY=$strategy -- stress 4 '[as]'
done
try "stress: sqd under valgrind" with HOLDFAST_STRATEGY=sqd -- memcheck
for case in sends reads atomics flushes migrated drained extended loaded transitions; do
	try "behind the library: $case" behind $case
done
try "log" log_is_nowhere
