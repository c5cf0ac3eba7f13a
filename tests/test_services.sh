#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Services by MLID on a simulated fabric under stock opensm. After each step packets to the service's MLID must reach
# one node and no other, by the multicast tables read back from the switches.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq ibroute

ends_with() {	# STATUS COMMAND ...
	ends_expected=$1
	shift
	"$@" >out 2>&1
	ends_rc=$?
	cat out
	[ "$ends_rc" -eq "$ends_expected" ]
}
lid_of() { "$holdfast" services --json --socket "$socket" storage | jq -r ".services[0].nodes[] | select(.name == \"$1\") | .lid"; }
guid_from() { "$holdfast" services --json --socket "$socket" storage | jq -r ".services[0].nodes[] | select(.name == \"$1\") | .guid"; }
fail_over() { "$holdfast" failover --socket "$socket" "$@"; }
fail_back() { "$holdfast" failback --socket "$socket" "$@"; }
no_traps() { ! grep '^trap' watch.log; }
higher_than() { [ "$(term_now)" -gt "$1" ]; }
last_cause() { "$holdfast" events --json --socket "$socket" | jq -rs 'map(select(.event == "owner")) | last | .cause'; }
moved_times() { "$holdfast" services --json --socket "$socket" storage | jq '.services[0].moves'; }
restart() {
	stop_opensm
	start_services "$@" && member join "$mgid" 4 && sweep
}
kill_sm() {
	kill -KILL "$(pgrep -P "$osm_pid")"
	wait "$osm_pid"
	osm_pid=
}

start_fabric || exit 99
plan 72
write_services
try "check-config reads the file" "$holdfast" check-config "$work/services.conf"
try "opensm comes up with a service" start_services
try "a host joins to send only: its MLID is the configured one" sh -c "LD_PRELOAD='$umad' HF_UMAD_NODES=$sender '$member_tool' join $mgid 4 | grep -qx 'mlid $mlid'"
try "the first node owns it" owner_is H_1_0_0
try "the path to the MGID is the MLID, for a member" mlid_is "$mlid"
sender=H_2_0_0
try "and for a host that is none" mlid_is "$mlid"
sender=H_0_0_0
try "a host hears of traps 66 and 67" watch_traps

term=$(term_now)
before=$(log_count 'SUBNET UP')
unplug H_1_0_0
try "the first node's cable is cut: the second owns it" owner_is H_1_1_0
try "it took one sweep" [ "$(log_count 'SUBNET UP')" -eq $((before + 1)) ]
try "because of what the SM saw" [ "$(last_cause)" = sm ]
try "the term is a higher one" higher_than "$term"
try "no trap 66 or 67" no_traps
try "the MLID is the same" mlid_is "$mlid"
try "the journal knows" wait_for 5 grep -q "^storage $mlid 0x0000 $(guid_from H_1_1_0) $(term_now)\$" journal
plug H_1_0_0
sweep
try "the first node is back: nothing moves, failback is manual" owner_is H_1_1_0
try "failback by the operator" fail_back storage
try "brings it to the first node" owner_is H_1_0_0
try "who said it stands in the log" log_says 'user root .* said: failback storage: done'
try "failover to a node by name" fail_over storage H_2_1_0
try "brings it there" owner_is H_2_1_0
rm journal
mkdir journal
try "failover while the journal cannot be written" fail_over storage H_1_1_0
try "is said" wait_for 5 log_says 'ERR\|error: journal = .*: Is a directory'
rmdir journal
journal_names() { grep -q "^storage $mlid 0x0000 $(guid_from "$1") $(term_now)\$" journal; }
try "it is written as soon as that can be" wait_for 10 journal_names H_1_1_0
fail_over storage H_2_1_0 >/dev/null
try "failover to a node by LID" fail_over storage "$(lid_of H_1_1_0)"
try "brings it there" owner_is H_1_1_0
try "failover to a node by GUID" fail_over storage "$(guid_from H_2_1_0)"
try "brings it there" owner_is H_2_1_0
follow_events() {
	"$holdfast" events --follow --json --socket "$socket" >followed &
	follow_pid=$!
	wait_for 5 test -s followed
}
on_exit 'end "$follow_pid"'
follow_pid=
followed_move() { tail -n 1 followed | jq -e '.event == "owner" and .cause == "operator"' >/dev/null; }
try "events --follow begins with what was" follow_events
try "failover to the best" fail_over storage
try "events --follow says so while it runs" wait_for 5 followed_move
followed_once() { jq -se 'map(.seq) | . == unique' followed >/dev/null; }
try "each event once, in order" followed_once
try "brings it there" owner_is H_1_0_0
try "no trap 66 or 67 in all that" no_traps
try "to its owner: refused, 3" ends_with 3 fail_over storage H_1_0_0
try "no such service: 5" ends_with 5 fail_over nowhere
try "no such node: 5" ends_with 5 fail_over storage H_9_9_9
try "failback of what is there: 3" ends_with 3 fail_back storage
try "events after no number: 2" ends_with 2 "$holdfast" events --socket "$socket" x
try "also with --follow" ends_with 2 "$holdfast" events --follow --socket "$socket" x
try "a user of no group may not ask: 4, or may not connect: 1" sh -c \
	"setpriv --reuid=65534 --regid=65534 --clear-groups '$holdfast' services --socket '$socket'; [ \$? -eq 1 ]"

# A node that joins by itself does not become a second owner.
sender=H_1_1_0
member join "$mgid" 1 >/dev/null
sender=H_0_0_0
try "a standby that joins by itself gets no packets" owner_is H_1_0_0

moves=$(moved_times)
restart
try "opensm restarts: the same owner" owner_is H_1_0_0
try "at the same term, as nothing moved" [ "$(moved_times)" -eq 0 ]
fail_over storage H_2_1_0 >/dev/null
owner_is H_2_1_0
term=$(term_now)
rm -f journal
kill_sm
start_services
member join "$mgid" 4 >/dev/null
try "opensm is killed, the journal lost: the tables of the switches say who owns it" owner_is H_2_1_0
try "at a higher term, as the old one is not known" higher_than "$((term - 1))"
fail_over storage H_1_1_0 >/dev/null
owner_is H_1_1_0
kill_sm
echo garbage >journal
start_services
member join "$mgid" 4 >/dev/null
try "a journal of garbage is put aside" [ -s journal.bad ]
try "and the switches are believed" owner_is H_1_1_0
kill_sm
unplug H_1_1_0
start_services
member join "$mgid" 4 >/dev/null
try "the owner goes while there is no SM: the first that is there gets it" owner_is H_1_0_0
watch_traps
unplug H_1_0_0
try "then the next one" owner_is H_2_1_0
refused_as_none_is_there() { fail_back storage 2>&1 | grep -q 'no node that comes before its owner is there'; }
try "failback has no node to go to, and says so" refused_as_none_is_there
unplug H_2_1_0
try "all nodes are gone: nobody owns it" wait_for 10 state_is orphaned
try "its MLID is held" mlid_is "$mlid"
plug H_1_1_0
sweep
try "one is back: it owns it" owner_is H_1_1_0
try "no trap 66 or 67 even so" no_traps
plug H_1_0_0
plug H_2_1_0
sweep
try "the others are back: nothing moves" owner_is H_1_1_0

# Sweeps in the middle of moves.
moving() {
	for moving_to in H_1_0_0 H_2_1_0 H_1_1_0 H_2_1_0 H_1_0_0 H_2_1_0; do
		kill -HUP "$osm_pid"
		fail_over storage "$moving_to" || return 1
	done
}
try "moves in the middle of sweeps" moving
try "end where the last one says" owner_is H_2_1_0

# What leave_first adds to forty moves, in milliseconds: the next node is to join as soon as the tables are written.
# Where that waits for the thread's next look, it is a second for every fifth or so.
serves() {	# NODE, which is at port 1 of its switch
	on_host sm ibroute -M -G "$(switch_guid_of "$1")" |
		awk -v mlid="$mlid" '$1 == mlid && substr($0, 15, 1) == "x" { found = 1 } END { exit !found }'
}
switch_guid_of() {
	awk -v node="$(switch_of "$1")" '/^switchguid/ { split($0, p, "="); guid = p[2] }
		$0 ~ "^Switch.*\"" node "\"" { print guid; exit }' mesh.net
}
ms() { date +%s%3N; }
time_moves() {
	time_start=$(ms)
	for _ in $(seq 20); do
		for time_to in H_1_1_0 H_2_1_0; do
			fail_over storage "$time_to" >/dev/null && wait_for 5 serves "$time_to" || return 1
		done
	done
	time_ms=$(($(ms) - time_start))
}
fail_over storage H_2_1_0 >/dev/null
try "forty moves" time_moves
plain_ms=$time_ms
write_services 'leave_first = true'
sweep
try "forty moves with leave_first" time_moves
note "$plain_ms ms, with leave_first $time_ms ms"
try "wait for no look" [ "$time_ms" -lt $((plain_ms + 3000)) ]

write_services 'failback = automatic' 'failback_delay_ms = 300' 'leave_first = true'
try "the file is read again" sweep
try "failback is automatic now: the first node has it" owner_is H_1_0_0
unplug H_1_0_0
try "with leave_first: the next one" owner_is H_1_1_0
plug H_1_0_0
sweep
try "and back by itself" owner_is H_1_0_0
try "the MLID is the same" mlid_is "$mlid"
try "no trap 66 or 67 in leave_first" no_traps
write_services 'failback = sometimes'
try "a bad file is refused" sweep
try "with line, value and what is allowed" log_says 'services.conf:6: failback = sometimes: allowed is one of automatic, manual, never'
try "and the old set stays" owner_is H_1_0_0
write_services 'hold_down_ms = 1' 2>/dev/null
echo 'service "other" { mgid = "ff12:a01b::77" nodes = {"sm"} }' >services.conf
try "another set" sweep
sender=H_2_0_0
try_not "the service that is not named any more has no group" member path "$mgid"
sender=H_0_0_0
try "opensm ends with status 0" stop_opensm
