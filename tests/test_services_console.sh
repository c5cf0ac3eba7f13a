#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The operator's verbs in OpenSM's own console, local and loopback, and OpenSM's own commands beside them.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq bash

port=$((20000 + $$ % 20000))
told() { grep -q -e "$1" "$console_out"; }
says() {	# TEXT COMMAND
	: >"$console_out"
	console_say "$2"
	wait_for 5 told "$1" && return
	cat "$console_out"
	return 1
}
owner_of() { [ "$(owner_by_plugin)" = "$1" ]; }

# All that holds for both kinds.
verbs() {
	try "$1: services" says 'storage: owned, owner H_1_0_0' 'services'
	try "$1: failover moves it" says '^.*done' 'failover storage H_2_1_0'
	try "$1: to where it was told" wait_for 5 owner_of H_2_1_0
	try "$1: failback brings it back" says '^.*done' 'failback storage'
	try "$1: to the first node" wait_for 5 owner_of H_1_0_0
	try "$1: what cannot be is refused" says 'it owns the service already' 'failover storage H_1_0_0'
	try "$1: a name with blanks, in quotes" says 'node no such HCA-1: it is none' 'failover storage "no such HCA-1"'
	try "$1: how a verb is used" says 'usage: failover SERVICE \[NODE\]' 'failover'
	try "$1: events" says 'failback storage\|owned -> owned on failover' 'events'
	try "$1: help lists the verbs" says 'failback SERVICE (Holdfast' 'help'
	try "$1: and OpenSM's commands" told '^loglevel'
	try "$1: help of a verb" says 'failover SERVICE .NODE. (Holdfast' 'help failover'
	try "$1: help of OpenSM's command" says 'log-level is OR' 'help loglevel'
	try "$1: OpenSM's status" says 'SM State' 'status'
	try "$1: no command at all is OpenSM's to refuse" says 'Command not found' 'nonsense'
	console_before=$(log_count 'SUBNET UP')
	console_say 'resweep heavy'
	try "$1: OpenSM's resweep" wait_for 10 swept "$console_before"
	try "$1: who said it is in the log" log_says "OpenSM's console.* said: failover storage H_2_1_0: done"
}
start_fabric || exit 99
plan 44
write_services
console_conf() {
	printf 'control = "%s"\nservices = "%s"\njournal = "%s"\n' "$socket" "$work/services.conf" "$work/journal" >plugin.conf
}
console_conf

# Local: opensm's own input and output.
mkfifo local.in
console_out=$work/local.out
console_say() { echo "$1" >&4; }
printf 'event_plugin_name osmholdfast\nforce_log_flush TRUE\nsweep_interval 0\nevent_plugin_options %s\nconsole local\n' \
	"$work/plugin.conf" >opensm.conf
timeout --foreground -s KILL 120 env LD_PRELOAD="$umad" HF_UMAD_NODES=sm opensm -f "$work/opensm.log" \
	-F "$work/opensm.conf" <local.in >local.out 2>&1 &
osm_pid=$!
exec 4>local.in
try "opensm with a local console comes up" wait_for 20 log_says 'SUBNET UP'
verbs local
try "local: opensm ends with status 0" stop_opensm
exec 4>&-

# Loopback: sessions come and go. OpenSM has one at a time, until it has seen that the last one is over.
console_say() { echo "$1" >&4; }
has_socket() { cat /proc/net/tcp /proc/net/tcp6 | grep -Eq ":$(printf %04X "$port") [0-9A-F]+:[0-9A-F]+ ($1) "; }
is_free() { ! has_socket '01|08'; }
open_session() {
	wait_for 10 is_free
	mkfifo "$1.in"
	console_out=$work/$1.out
	bash -c "exec 5<>/dev/tcp/127.0.0.1/$port; cat <&5 >'$console_out' & cat >&5; kill %1" <"$1.in" 2>/dev/null &
	session_pid=$!
	exec 4>"$1.in"
	wait_for 5 told 'OpenSM \$'
}
close_session() {
	exec 4>&-
	wait "$session_pid" 2>/dev/null
}
# A verb that comes with the connection may reach OpenSM before the plugin has taken the session (doc/design.md).
answers() {
	answers_left=20
	while [ "$answers_left" -gt 0 ]; do
		: >"$console_out"
		console_say services
		wait_for 1 told 'storage: owned' && return
		answers_left=$((answers_left - 1))
	done
	cat "$console_out"
	return 1
}
# OpenSM may route before it listens.
is_listening() { has_socket 0A; }
start_with_loopback() {
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'sweep_interval 0' \
		"console_port $port" && wait_for 20 is_listening
}
osm_console=loopback
try "opensm with a loopback console comes up" start_with_loopback
open_session first
answers
verbs loopback
console_say quit
close_session
open_session second
try "the next session has the verbs, too" answers
close_session
# Sessions that are over before they have begun: the moment in which OpenSM closes what the plugin wants to take.
many_sessions() {
	many=0
	while [ "$many" -lt 100 ]; do
		bash -c "exec 5<>/dev/tcp/127.0.0.1/$port; echo quit >&5" 2>/dev/null
		many=$((many + 1))
	done
}
try "a hundred sessions that quit at once" many_sessions
try "opensm goes on" opensm_is_up
open_session third
try "and who comes after them has the verbs" answers
try "opensm ends with status 0 in the middle of a session" stop_opensm
close_session
osm_console=off
try "console off: opensm comes up" start_opensm osmholdfast "event_plugin_options $work/plugin.conf"
try "and ends with status 0" stop_opensm
