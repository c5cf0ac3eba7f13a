#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# opensm gets SIGTERM while services are moved by the operator and by sweeps. It must end with status 0 every time.
# HF_RUNS says how often.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq

runs=${HF_RUNS:-20}
move_on() {
	while :; do
		for move_to in H_2_1_0 H_1_1_0 H_1_0_0; do
			"$holdfast" failover --socket "$socket" storage "$move_to" >/dev/null 2>&1
			[ $? -ne 1 ] || return	# nobody serves the socket any more
		done
	done
}
all_end_well() {
	run=0
	while [ "$run" -lt "$runs" ]; do
		run=$((run + 1))
		start_services || { echo "run $run: no SUBNET UP"; return 1; }
		member join "$mgid" 4 >/dev/null
		move_on &
		mover_pid=$!
		if [ $((run % 2)) -eq 1 ]; then unplug H_1_1_0; else plug H_1_1_0; fi
		kill -HUP "$osm_pid"
		sleep "0.$((run * 37 % 10))"
		stop_opensm
		kill "$mover_pid" 2>/dev/null
		wait "$mover_pid"
		[ "$osm_rc" -eq 0 ] || { echo "run $run: exit status $osm_rc"; tail -n 20 opensm.log; return 1; }
	done
}
start_fabric || exit 99
plan 3
write_services
try "opensm ends with status 0, $runs times of $runs" all_end_well
try "services were moved meanwhile" [ "$(grep -c '"cause": *"operator"\|"cause":"operator"' trace)" -gt "$runs" ]
try "the journal is whole" sh -c "grep -q '^end 1 ' journal"
