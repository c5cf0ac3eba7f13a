#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# opensm gets SIGTERM at random moments while the plugin is busy: reading tables, comparing, sending to hosts that
# answer and to hosts that never do. It must end with status 0 every time. HF_SEED repeats a run, HF_RUNS says how many.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

runs=${HF_RUNS:-100}
seed=${HF_SEED:-$(date +%s)}
note "HF_SEED=$seed"

# 0 to $1 - 1; a linear congruential generator, so that the seed says it all
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	echo $((seed / 65536 % $1))
}

# At most $1 milliseconds.
pause() { sleep "0.$(printf '%03d' "$(random "$1")")"; }

pick_mode() {
	case $(random 3) in
	0) echo wildcard ;;
	1) echo repath-only ;;
	2) echo hybrid ;;
	esac
}

write_options() {
	printf 'mode = "%s"\nwindow = %d\nper_subscriber = %d\ntimeout_ms = %d\nretries = 2\n' \
		"$(pick_mode)" $((1 + $(random 8))) $((1 + $(random 4))) $((1 + $(random 50))) >plugin.conf
	printf 'trace = "%s/trace"\ncontrol = "%s/socket"\n' "$work" "$work" >>plugin.conf
}

sent_count() { grep -c '"report_sent"' trace; }
more_sent() { [ "$(sent_count)" -gt "$1" ]; }

# The operator asks as well, in every run: for a snapshot that is being written, too, or not any more.
ask_in_between() {
	{
		"$top_builddir/tools/holdfast" status --socket "$work/socket"
		"$top_builddir/tools/holdfast" snapshot --socket "$work/socket" "$work/snapshot"
	} >/dev/null 2>&1 &
	asked_pid=$!
}

# The cable goes or comes, so paths change, and one sweep follows upon the other. In two of three runs SIGTERM comes
# soon after the first Report, else at any moment of the sweeps.
disturb() {
	disturb_sent=$(sent_count)
	if [ $((run % 2)) -eq 1 ]; then cut_middle; else join_middle; fi
	[ "$(random 3)" -eq 0 ] || wait_for 10 more_sent "$disturb_sent"
	ask_in_between
	disturb_left=$(random 4)
	while [ "$disturb_left" -gt 0 ]; do
		kill -HUP "$osm_pid"
		pause 12
		disturb_left=$((disturb_left - 1))
	done
	pause 20
}

# OpenSM keeps its subscriptions over a restart, so that every run has someone to tell.
start_busy() {
	write_options
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'sa_db_dump TRUE' \
		"sa_db_file $work/opensm-sa.dump"
}

all_end_well() {
	run=0
	while [ "$run" -lt "$runs" ]; do
		run=$((run + 1))
		run_seed=$seed
		start_busy || { echo "run $run (seed $run_seed): no SUBNET UP"; return 1; }
		disturb
		stop_opensm && wait "$asked_pid"
		[ "$osm_rc" -ne 0 ] || continue
		echo "run $run (seed $run_seed): exit status $osm_rc"
		tail -n 20 opensm.log
		return 1
	done
}

start_fabric || exit 99
plan 4
start_busy
try "six hosts subscribe, two of which never answer" start_hosts -s hfsim1 -s hfsim4
kill -HUP "$osm_pid"
try "OpenSM keeps the subscriptions" wait_for 10 grep -q InformInfo opensm-sa.dump
stop_opensm
try "opensm ends with status 0, $runs times of $runs" all_end_well
note "$(sent_count) Reports were sent, $(grep -c '"announce_done"' trace) routings announced in full"
try "the plugin was busy" more_sent "$runs"
