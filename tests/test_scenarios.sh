#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The main job, whole, with stock opensm and stock ibsim: scenarios in every signalling mode, what they report, and that
# nothing is left of a run however it ends.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm jq
hfsim=$top_builddir/tools/hfsim
HF_SCENARIO_DIR=$top_srcdir/sim/scenarios
TMPDIR=$work
export HF_SCENARIO_DIR TMPDIR
cd "$work" || exit 99

# run NAME [option ...]: leaves NAME.json and NAME.out
run() {
	run_name=$1
	shift
	timeout 200 "$hfsim" run "$@" --json "$run_name.json" >"$run_name.out" 2>&1
}
passes() { run "$@" || { cat "$run_name.out"; return 1; }; }
fails() {
	run "$@"
	[ $? -eq 1 ] || { cat "$run_name.out"; return 1; }
}
holds() { jq -e "$2" "$1.json" >/dev/null || { jq . "$1.json"; return 1; }; }

# The exit status and the words of a command that must not get as far as starting anything.
refuses() {
	"$hfsim" "$@" >refused.out 2>&1
	[ $? -eq 2 ] || { cat refused.out; return 1; }
}
says() { grep -q -- "$1" refused.out || { cat refused.out; return 1; }; }

# Processes of runs below $work have its name, or that of the run's sockets, among their arguments.
is_any_left() { grep -lsaE "$work/hfsim\.|hfsim\.$1\." /proc/[0-9]*/cmdline; }
is_none_left() { ! is_any_left "$1"; }

members='"changed_paths", "hosts_told", "reports_sent", "reports_acked", "sa_queries", "path_records_received",
	"mads_total", "ms_routing_done", "ms_last_report_acked", "ms_last_host_done"'

plan 60

for mode in wildcard repath-only hybrid targeted; do
	try "mesh-to-ring passes in mode $mode" passes "mesh-$mode" mesh-to-ring --mode "$mode"
	try "$mode: no connection is stale and no credit loop is left" holds "mesh-$mode" \
		'.verdict == "pass" and .stale_connections == 0 and .credit_loops_before == 0 and .credit_loops_after == 0'
	try "$mode: without Holdfast there would be one" holds "mesh-$mode" '.credit_loops_without_update > 0'
	try "$mode: all numbers are there, and are numbers" holds "mesh-$mode" \
		".mode == \"$mode\" and (.faults[0] | [.[$members]] | length == 10 and all(type == \"number\"))"
	try "$mode: every report is answered, and the hosts change what changed" holds "mesh-$mode" \
		'.faults[0] | .reports_sent > 0 and .reports_acked == .reports_sent and .hosts_told == 6 and
		 (.connections_changed - ([.programs[] | .client, .server | .moves] | add)) as $ours |
		 $ours > 0 and $ours <= .changed_paths'
	# One whose other end resets before it is told itself is moved twice.
	try "$mode: the programs were moved as they should be, and sent on" holds "mesh-$mode" \
		'.programs_ended == 0 and .programs_silent == 0 and .work_requests_lost == 0 and (.faults[0].programs |
		 [.[].strategy] == ["apm", "sqd", "reset"] and all(.[]; .strategy as $how | .ms_without_traffic >= 0 and
		 (.client, .server | .strategy == $how and .moves >= 1 and .sl_before == 0 and .sl_after == 1)))'
done
try "a program that is moved by reset had its work requests posted once more" \
	holds mesh-targeted '[.faults[0].programs[2] | .client, .server | .replayed] | add > 0'
try "without libholdfast-verbs the programs stay where they were" \
	fails mesh-none mesh-to-ring --set strategy=none
try "on the old SL" holds mesh-none '.programs_on_wrong_sl == 3 and .programs_silent == 0 and
	all(.faults[0].programs[] | .client, .server; .sl_before == 0 and .sl_after == 0 and .moves == 0) and
	any(.reasons[]; test("programs_on_wrong_sl"))'
try "hybrid asks the SA once for each host, and is told what changed" holds mesh-hybrid \
	'.faults[0] | .sa_queries == 6 and .reports_sent == 6 and .path_records_received >= 14 and
	 .path_records_received < 6 * 13'
try "without deltas it gets whole tables" passes mesh-tables mesh-to-ring --mode hybrid --set plugin.deltas=false
try "of all destinations" holds mesh-tables \
	'.faults[0] | .sa_queries == 6 and .reports_sent == 6 and .path_records_received == 6 * 13'
try "targeted asks nobody: what changed comes behind the traps" holds mesh-targeted \
	'.faults[0] | .sa_queries == 0 and .reports_sent == 6 and .mads["ReportResp(Notice)"] == 6'
try "targeted without deltas works with whole tables" passes mesh-old mesh-to-ring --set plugin.deltas=false
try "repath-only asks nobody: the records come in the traps" holds mesh-repath-only \
	'.faults[0] | .sa_queries == 0 and .path_records_received == .reports_sent'
try "the MADs add up" holds mesh-hybrid '.faults[0] | ([.mads[]] | add) == .mads_total'

try "mesh-to-ring fails in mode off" fails mesh-off mesh-to-ring --mode off
try "off: because connections are stale" holds mesh-off '.verdict == "fail" and .stale_connections > 0 and
	any(.reasons[]; test("SL 0, the SM says 1"))'
try "off: and because a loop is closed, told by its links and lanes" holds mesh-off '.credit_loops_after > 0 and
	any(.reasons[]; test("credit loop S_[012]_[01]\\[[0-9]+\\] > S_[012]_[01]\\[[0-9]+\\] VL 0.*back to"))'
try "off: nobody was told" holds mesh-off '.faults[0] | .hosts_told == 0 and .reports_sent == 0 and
	.ms_last_host_done == null'

try "a host leaves and returns" passes loss host-loss --dir "$work/loss"
reports() {
	jq -s -c '[.[] | select(.ev == "report")] | group_by(.who)[] | {who: .[0].who, traps: map(.trap)}' \
		loss/host-*.trace
}
each_is_told_both() {
	[ "$(reports | jq -s -c 'map(select(.traps == [68, 69])) | length')" -eq 5 ] || { reports; return 1; }
}
try "the five others are told by trap 68, then by trap 69" each_is_told_both

try "the host that is back hears what it is told at once" holds loss \
	'.faults[1] | .hosts_told == 6 and .mads["Report(Notice)"] == 6'

try "faults in quick succession, more hosts than ibsim has slots" passes two two-faults
try "they are measured to the same end" holds two '.faults | length == 3 and .[0].mads_total >= .[2].mads_total'
try "no record changes on the fat-tree: hybrid tells nobody" passes fat fat-tree
try "64 hosts on a 4x4x4 torus" passes torus torus-4x4x4
try "all of them are told" holds torus '.faults[0].hosts_told == 64'

# As ibnetdiscover prints adapters whose node and port have the same GUID: twelve, one of them of the SM.
{
	for leaf in 0 1; do
		printf 'switchguid=0x%x\nSwitch 8 "S_%d"\n[1] "S_%d"[1]\n\n' "$((0x9000 + leaf))" "$leaf" "$((1 - leaf))"
		for port in 2 3 4 5 6 7; do
			guid=$((0xa000 + leaf * 256 + port))
			printf 'caguid=0x%x\nCa 1 "H-%x"\n[1](%x) "S_%d"[%d]\n\n' "$guid" "$guid" "$guid" "$leaf" "$port"
		done
	done
} >cards.net
cat >cards.conf <<'END'
fabric {
	file = cards.net
}
fault leaves {
	kind = node-down
	node = "H-a103"
}
fault returns {
	kind = node-up
	node = "H-a103"
}
must = { "stale_connections = 0", "stale_paths = 0" }
END
try "a fabric from a file, whose ports have the GUIDs of their nodes" passes cards ./cards.conf --dir "$work/cards"
ten_are_told_twice() { [ "$(grep -h '"report"' cards/host-*.trace | grep -c '"dgid":"fe80::a103"')" -eq 20 ]; }
try "ports are called what the file says" ten_are_told_twice

try "nothing is left of all these runs" is_none_left none

cat >deaf.conf <<'END'
title = "The SM hears of nothing"
watchdog_s = 3
fabric {
	kind = mesh
	size = 2x2
	hosts = 1
}
sm {
	engine = lash
}
fault deaf {
	kind = lossy
	port = "sm[1]"
	percent = 100
	wait = none
}
fault cut {
	kind = unlink
	link = { S_0_0, S_1_0 }
}
must = { "stale_connections = 0" }
END
try "the watchdog ends a run that does not get on" fails deaf ./deaf.conf
try "and the result says so" holds deaf '.verdict == "fail" and (.reasons[0] | test("timed out|watchdog"))'

start_and_wait() {
	"$hfsim" run mesh-to-ring >killed.out 2>&1 &
	hfsim_pid=$!
	wait_for 20 runs_holdfastd
}
runs_holdfastd() { grep -lsa "$work/hfsim\..*/host-0.conf" /proc/[0-9]*/cmdline; }
start_and_wait
try "a run killed by SIGKILL" kill -KILL "$hfsim_pid"
wait "$hfsim_pid" 2>/dev/null
try "leaves no process" wait_for 5 is_none_left "$hfsim_pid"
start_and_wait
kill -TERM "$hfsim_pid"
wait "$hfsim_pid"
try "a run ended by SIGTERM fails, and says so" grep -q interrupted killed.out

try "an unknown scenario is refused" refuses run no-such-scenario
sed 's/kind = mesh/kind = pancake/' deaf.conf >bad.conf
try "a bad scenario is refused" refuses run ./bad.conf
try "by file, line and value" says 'bad.conf:[0-9]*:.*pancake'
try "a bad mode is refused" refuses run mesh-to-ring --mode loud
try "an option that the plugin does not know is refused" refuses run mesh-to-ring --set plugin.loudness=11
try "in the plugin's words, by file and line" says 'osmholdfast.conf:[0-9]*:.*loudness'
