#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# A cable fails in a large fabric, and another one, and another: how long OpenSM's sweep takes with the plugin and
# without it, and how long clients of the SA wait meanwhile. The two take turns; each turn starts opensm anew.
#
#   bench_sweep.sh [--turns N] [--faults N] [KIND:SIZE:HOSTS:ENGINE ...]
#
# The figures of the first fabric have plain names, those of the others end in the fabric's.
set -euo pipefail

turns=2		# of each
faults=3	# in a turn
fabrics=(torus:10x10x10:10:torus-2QoS mesh:8x8x8:4:lash)
names=(sweep_with_plugin_vs_without shortest_sweep_with_plugin_vs_without sweep_cpu_with_plugin_vs_without copy_of_sweep
	sa_latency_max_with_plugin_vs_without sa_latency_after_routing_max_with_plugin_vs_without
	sa_latency_during_copy_max sweep_lock_hold_ms_max sweep_lock_hold_ms_median)
only_names=

while [ $# -gt 0 ]; do
	case $1 in
	--figures) only_names=1 ;;
	--turns | --faults)
		declare "${1#--}=$2"
		shift
		;;
	*) break ;;
	esac
	shift
done
[ $# -eq 0 ] || fabrics=("$@")

suffix_of() { [ "$1" = "${fabrics[0]}" ] || tr ':-' '__' <<<"_$1"; }

if [ -n "$only_names" ]; then
	for fabric in "${fabrics[@]}"; do
		printf "%s$(suffix_of "$fabric")\n" "${names[@]}"
	done
	exit
fi

. "$(dirname "${BASH_SOURCE[0]}")/fabric.sh"

client_pid=''
end_client() {
	end_process "$client_pid"
	client_pid=
}
trap 'end_client; end_bench' EXIT

count_sweeps() { grep -c '"ev":"subnet_up"' "$work/trace"; }

# A sweep may be followed by another, for the trap of the cable's other end.
has_settled() {
	[ "$(count_sweeps)" -gt "$1" ] && tail -n 1 "$work/trace" | grep -q '"ev":"subnet_up"' &&
		[ -z "$(find "$work/trace" -newermt '-0.5 seconds')" ]
}

# Cuts a cable and waits until OpenSM is through with it.
cut_cable() {
	local before

	before=$(count_sweeps)
	echo "Unlink \"S_0_$1_0\"[2]" >&3
	until_true "$start_seconds" has_settled "$before"
}

join_cable() { echo "Link \"S_0_$1_0\"[2] \"S_1_$1_0\"[1]" >&3; }

# Reads a trace; a sweep a line: start (ns), end (ns), CPU time (us). A sweep that is cut off by the next has no line.
sweeps() {
	jq -r '[.ev, .t, .cpu_us] | @tsv' | awk '
		$1 == "sweep_start" { start = $2; cpu = $3 }
		$1 == "subnet_up" && start { print start, $2, $3 - cpu; start = 0 }'
}

# The copies that the plugin took of routings, one a line: start (ns), end (ns), longest hold of the lock (us).
copies() {
	jq -r 'select(.ev == "routing_done") | [.t - .snapshot_us * 1000, .t, .lock_us] | @tsv' "$work/plugin.trace"
}

times_of() { jq --arg event "$1" 'select(.ev == $event) | .t' "$work/trace"; }

# From the end of routing, which is where the plugin begins to copy, to SUBNET UP; start and end (ns), one a line.
windows() {
	{
		if [ "$1" = with ]; then cut -f 1 "$work/copies"; else times_of routing_done; fi | sed 's/$/ start/'
		times_of subnet_up
	} | sort -n | awk '$2 { start = $1 } !$2 && start { print start, $1; start = 0 }'
}

# slowest WINDOWS: the longest answer (us) to a query that was sent inside one of them.
slowest() {
	awk 'NR == FNR { from[NR] = $1; to[NR] = $2; n = NR; next }
		{ for (i = 1; i <= n; i++) if ($1 >= from[i] && $1 <= to[i] && $2 > max) max = $2 }
		END { print max + 0 }' "$1" "$work/queries"
}

# turn with|without: what it finds is added to files in $work that begin with that word.
turn() {
	local plugins=osmhfbench lines

	# The last one sees the end of the others.
	[ "$1" = without ] || plugins="osmholdfast osmhfbench"
	rm -f "$work/plugin.trace"
	start_sm "$plugins"
	lines=$(wc -l <"$work/trace")
	env LD_PRELOAD="$umad" HF_UMAD_NODES=H_1_1_1_0 timeout -k 10 3600 "$build/tests/sa_latency" \
		>"$work/queries" 3>&- &
	client_pid=$!
	for fault in $(seq "$faults"); do
		cut_cable "$fault"
	done
	end_client
	stop_sm
	for fault in $(seq "$faults"); do
		join_cable "$fault"
	done
	tail -n "+$((lines + 1))" "$work/trace" | sweeps >>"$work/$1.sweeps"
	[ "$1" = without ] || copies >"$work/copies"
	windows "$1" >"$work/windows"
	cut -d ' ' -f 2 "$work/queries" >>"$work/$1.latency"
	slowest "$work/windows" >>"$work/$1.latency_after_routing"
	[ "$1" = with ] || return 0
	slowest "$work/copies" >>"$work/with.latency_during_copy"
	cat "$work/copies" >>"$work/with.copies"
}

max() { sort -n | tail -n 1; }
sweep_ms() { awk '{ print ($2 - $1) / 1e6 }' "$work/$1.sweeps" | median; }
shortest_sweep_ms() { awk '{ print ($2 - $1) / 1e6 }' "$work/$1.sweeps" | sort -n | head -n 1; }
sweep_cpu_ms() { awk '{ print $3 / 1e3 }' "$work/$1.sweeps" | median; }
max_ms() { awk '{ print $1 / 1e3 }' "$work/$1" | max; }

# No query need have been on its way while something happened that was over in a moment.
ratio() { awk -v ours="$1" -v reference="$2" 'BEGIN { if (reference == 0) print "-"; else printf "%.3f", ours / reference }'; }

# row WHAT OURS REFERENCE FIGURE REFERENCE_NAME
row() {
	printf '%-28s %-11s %-46s %10.2f %10.2f %7s\n' "$fabric" "$engine" "$1" "$2" "$3" "$(ratio "$2" "$3")"
	figure "$4$suffix" "$2" "$3" "$5" ms
}

printf 'Medians of %d sweeps each; load %s\n%-28s %-11s %-46s %10s %10s %7s\n' "$((turns * faults))" \
	"$(cut -d ' ' -f 1-3 /proc/loadavg)" fabric engine 'ms' with without ratio
for spec in "${fabrics[@]}"; do
	suffix=$(suffix_of "$spec")
	IFS=: read -r kind size hosts wanted <<<"$spec"
	use_fabric "$kind" "$size" "$hosts" "$wanted"
	printf 'trace = "%s"\ncontrol = ""\n' "$work/plugin.trace" >"$work/osmholdfast.conf"
	rm -f "$work"/with.* "$work"/without.*
	for _ in $(seq "$turns"); do
		turn without
		turn with
	done
	stop_fabric
	copy=$(awk '{ print ($2 - $1) / 1e6 }' "$work/with.copies" | median)
	row "a sweep" "$(sweep_ms with)" "$(sweep_ms without)" sweep_with_plugin_vs_without "without the plugin"
	row "the shortest sweep" "$(shortest_sweep_ms with)" "$(shortest_sweep_ms without)" \
		shortest_sweep_with_plugin_vs_without "without the plugin"
	row "CPU time of opensm in a sweep" "$(sweep_cpu_ms with)" "$(sweep_cpu_ms without)" \
		sweep_cpu_with_plugin_vs_without "without the plugin"
	row "the copy, beside a sweep without the plugin" "$copy" "$(sweep_ms without)" copy_of_sweep \
		"a sweep without the plugin"
	row "longest answer of the SA" "$(max_ms with.latency)" "$(max_ms without.latency)" \
		sa_latency_max_with_plugin_vs_without "without the plugin"
	row "longest, asked between routing and SUBNET UP" "$(max_ms with.latency_after_routing)" \
		"$(max_ms without.latency_after_routing)" sa_latency_after_routing_max_with_plugin_vs_without \
		"without the plugin"
	row "longest, asked during the copy; 5 ms" "$(max_ms with.latency_during_copy)" 5 sa_latency_during_copy_max \
		"what is allowed"
	row "longest hold of OpenSM's lock; 5 ms" "$(awk '{ print $3 / 1e3 }' "$work/with.copies" | max)" 5 \
		sweep_lock_hold_ms_max "what is allowed"
	row "median hold of OpenSM's lock; 5 ms" "$(awk '{ print $3 / 1e3 }' "$work/with.copies" | median)" 5 \
		sweep_lock_hold_ms_median "what is allowed"
done
