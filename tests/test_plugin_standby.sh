#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Two subnet managers with the plugin. A standby says nothing; whoever takes over has every subscriber ask for its
# paths, as nobody knows what they hold; and what changes afterwards is told by the master alone. The master is stopped,
# comes back and takes the subnet again, and is killed. Both have the subscriptions: OpenSM loads them from a file.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need jq

# Five hosts subscribe; the sixth has the other subnet manager.
mesh_hosts="H_0_0_0 H_1_0_0 H_2_0_0 H_0_1_0 H_1_1_0"
first_pid='' other_pid=''
end_sms() {
	for pid in $first_pid $other_pid; do
		kill -CONT "$pid" 2>/dev/null
		kill -KILL "$pid" 2>/dev/null
	done
}
on_exit end_sms

# start_sm NAME NODE PRIORITY: its process is $sm_pid, its files are NAME.log, NAME.trace and the like.
start_sm() {
	mkdir -p "$1.cache"
	printf 'mode = repath-only\ntrace = "%s/%s.trace"\ntrace_paths = true\ncontrol = "%s/%s.socket"\n' "$work" "$1" \
		"$work" "$1" >"$1.plugin"
	cat >"$1.conf" <<-END
		event_plugin_name osmholdfast
		event_plugin_options $work/$1.plugin
		force_log_flush TRUE
		sm_priority $3
		sminfo_polling_timeout 200
		polling_retry_number 3
		transaction_timeout 50
		sweep_interval 0
		sa_db_dump TRUE
		sa_db_file $work/opensm-sa.dump
	END
	: >"$1.log"
	LD_PRELOAD=$umad HF_UMAD_NODES=$2 OSM_CACHE_DIR=$work/$1.cache OSM_TMP_DIR=$work \
		opensm -R lash -f "$work/$1.log" -F "$work/$1.conf" </dev/null >"$1.out" 2>&1 &
	sm_pid=$!
}

log_of() { grep -q -e "$2" "$1.log"; }
count_in() { grep -c -e "$2" "$1.trace"; }
has_more() { [ "$(count_in "$1" "$2")" -gt "$3" ]; }
up='"ev":"subnet_up"' told='"ev":"announce_done"' word='"ev":"report_sent"\|"ev":"diff"\|"ev":"announce_done"'

# until_next NAME EVENT COMMAND ...: the command runs until that subnet manager's trace has one more of the events.
until_next() {
	next_sm=$1 next_event=$2
	next_count=$(count_in "$1" "$2")
	shift 2
	for _ in $(seq 20); do
		"$@"
		wait_for 1 has_more "$next_sm" "$next_event" "$next_count" && return 0
	done
	tail -n 20 "$next_sm.log"
	return 1
}
hup() { kill -HUP "$1"; }

# What the hosts have heard since line $1 of hosts.log.
heard_since() { tail -n +$(($1 + 1)) hosts.log; }
mark_all() {
	hosts_mark=$(wc -l <hosts.log)
	first_mark=$(wc -l <first.trace)
	other_mark=$(wc -l <other.trace)
}
all_are_told_to_ask() {
	[ "$(heard_since "$hosts_mark" | grep 'trap 69 mask 0x0 ' | cut -d' ' -f1 | sort -u | wc -l)" -eq 5 ]
}
is_all_they_hear() { ! heard_since "$hosts_mark" | grep -v 'trap 69 mask 0x0 '; }
# The traces since the mark: $1 first or other, $2 the line.
since() { tail -n +$(($2 + 1)) "$1.trace"; }
is_silent() { ! since "$1" "$2" | grep -e "$word"; }
# Nothing was said before the subnet was up.
spoke_late() { ! since "$1" "$2" | sed "/$up/q" | grep -e '"ev":"report_sent"\|"ev":"diff"'; }

# What the SA answers otherwise than before is what the trace of $1 says since line $2: sguid and dguid.
tells_what_changed() {
	sa_records >after
	[ -s after ] || return 1
	sort before after | uniq -u | cut -d' ' -f1,2 | sort -u >really
	since "$1" "$2" | sed -n 's/.*"path_changed".*"sguid":"0x\([0-9a-f]*\)","dguid":"0x\([0-9a-f]*\)".*/\1 \2/p' |
		sort -u >said
	[ -s really ] && diff really said
}
remember() {
	sa_records >before
	mark_all
}

two_are_up() {
	start_sm first sm 14
	first_pid=$sm_pid
	wait_for 20 log_of first 'SUBNET UP' || return 1
	start_sm other H_2_1_0 3
	other_pid=$sm_pid
	wait_for 20 log_of other 'Entering STANDBY'
}
keeps_subscriptions() {
	until_next first "$up" hup "$first_pid"
	wait_for 10 eval '[ "$(grep -c "^InformInfo" opensm-sa.dump)" -ge 10 ]'
}
# The cable comes back while nobody watches.
takes_over() {
	mark_all
	kill "-$1" "$first_pid"
	"$2"
	wait_for 30 has_more other "$up" "$(count_in other "$up")" && wait_for 10 all_are_told_to_ask && is_all_they_hear
}
# The one that was stopped still takes itself for the master, and may even route once; the other one finds it and hands
# over.
takes_back() {
	mark_all
	kill -CONT "$first_pid"
	until_next first "$up" hup "$other_pid" && wait_for 10 all_are_told_to_ask
}

# OpenSM does not report that it handed over, so the status of one that did is not looked at.
is_master() { "$top_builddir/tools/holdfast" status --json --socket "$work/$1.socket" | jq -e ".master == $2"; }

# So that a client that does not read stops nobody else.
ibsim_env=LD_PRELOAD=$top_builddir/.libs/libhfsim-sma.so
start_fabric || exit 99
plan 20
try "the one with the higher priority is master, the other one standby" two_are_up
try "the status of the one says that it is the master" wait_for 10 is_master first true
try "that of the other one that it is not" wait_for 10 is_master other false
try "five hosts subscribe" start_hosts
try "and are kept in the file" keeps_subscriptions
remember
try "a cable goes" until_next first "$told" cut_middle
try "the master tells what changed" wait_for 10 tells_what_changed first "$first_mark"
try "the standby says nothing" is_silent other 0

try "the master is stopped: the other one has all hosts ask" takes_over STOP join_middle
try "and says nothing before it has brought the subnet up" spoke_late other "$other_mark"
remember
try "a cable goes" until_next other "$told" cut_middle
try "the new master tells what changed" wait_for 10 tells_what_changed other "$other_mark"

try "the first one goes on and takes the subnet back: all hosts ask" takes_back
try "it says nothing before the subnet is its own" spoke_late first "$first_mark"
try "nor does the other one" is_silent other "$other_mark"
try "the first one's status says that it is the master" wait_for 10 is_master first true
remember
try "a cable is back" until_next first "$told" join_middle
try "the first one tells what changed" wait_for 10 tells_what_changed first "$first_mark"
try "and the other one, which was master, nothing" is_silent other "$other_mark"

try "the master is killed: the other one has all hosts ask" takes_over KILL cut_middle
