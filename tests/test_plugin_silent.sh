#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Subscribers that never answer, and subscribers that are dead, delay no other, and opensm goes on. Mode wildcard: every
# sweep is told to everyone.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

announced() { [ "$(grep -c '"announce_done"' trace)" -ge "$1" ]; }
last_announced() {
	grep '"announce_done"' trace | tail -n 1 | grep -q "\"hosts\":6,\"sent\":6,\"acked\":$1,\"failed\":$2"
}

# Before anything was sent a second time, $1 Reports had been answered.
answered_before_retries() {
	[ "$(sed '/"attempt":2/q' trace | grep -c '"report_acked"')" -eq "$1" ]
}

start_fabric || exit 99
plan 9
printf 'mode = wildcard\nwindow = 1\npace_ms = 5\ntimeout_ms = 3000\nretries = 1\nbackoff = linear\n' >plugin.conf
printf 'trace = "%s/trace"\ncontrol = "%s/socket"\n' "$work" "$work" >>plugin.conf
try "opensm comes up, with a window of one" start_opensm osmholdfast "event_plugin_options $work/plugin.conf"
try "six hosts subscribe, three of which never answer" start_hosts -s hfsim0 -s hfsim2 -s hfsim3
kill -HUP "$osm_pid"
try "the sweep is announced" wait_for 30 announced 1
try "three answered, three did not" last_announced 3 3
try "the three answered before the silent ones were tried again" answered_before_retries 3
try "the silent ones heard it twice" [ "$(grep -c '^hfsim[023] trap 69' hosts.log)" -eq 6 ]
end "$hosts_pid"
hosts_pid=
kill -HUP "$osm_pid"
try "with all hosts dead the sweep is announced in vain" wait_for 30 announced 2
try "nobody answered" last_announced 0 6
try "opensm ends with status 0" stop_opensm
