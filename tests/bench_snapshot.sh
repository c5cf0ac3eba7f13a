#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# Inside a real opensm: the paths of all pairs of ports as the plugin takes them, beside osm_get_path_params() for the
# same pairs; and the longest time for which the plugin held OpenSM's lock in one piece, beside what is allowed.
#
#   bench_snapshot.sh [--rounds N] [KIND:SIZE:HOSTS:ENGINE ...]
#
# The figures of the first fabric have plain names, those of the others end in the fabric's.
set -euo pipefail

rounds=5
lock_limit_ms=5
fabrics=(torus:6x6x6:2:torus-2QoS mesh:6x6x6:2:lash torus:8x8x8:4:torus-2QoS)
only_names=

while [ $# -gt 0 ]; do
	case $1 in
	--figures) only_names=1 ;;
	--rounds)
		rounds=$2
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
		echo "snapshot_vs_path_params$(suffix_of "$fabric")"
		echo "lock_hold_ms_max$(suffix_of "$fabric")"
	done
	exit
fi

. "$(dirname "${BASH_SOURCE[0]}")/fabric.sh"

has_rounds() { [ "$(grep -c '"ev":"paths"' "$work/trace")" -ge "$rounds" ]; }
field() { jq "select(.ev == \"paths\") | $1" "$work/trace"; }

echo 'All pairs of ports, switches included, in opensm; CPU time of one thread, medians. Lock: wall time,
the longest of all rounds and their median.'
printf '%-28s %-11s %10s %10s %12s %9s %9s %9s %6s %9s %9s %9s\n' fabric engine pairs entries 'OpenSM (ms)' 'copy (ms)' \
	'resolve' 'sum (ms)' ratio 'lock max' 'median' differing
for spec in "${fabrics[@]}"; do
	IFS=: read -r kind size hosts wanted <<<"$spec"
	use_fabric "$kind" "$size" "$hosts" "$wanted"
	start_sm osmhfbench HF_BENCH_PATHS="$rounds"
	until_true "$start_seconds" has_rounds
	theirs=$(field '.path_params_us / 1000' | median)
	copy=$(field '.copy_us / 1000' | median)
	resolve=$(field '.resolve_us / 1000' | median)
	ours=$(field '(.copy_us + .resolve_us) / 1000' | median)
	lock=$(field '.lock_us / 1000' | sort -n | tail -n 1)
	printf '%-28s %-11s %10d %10d %12.1f %9.1f %9.1f %9.1f %6.3f %9.2f %9.2f %9d\n' "$fabric" "$(used_engine)" \
		"$(field .pairs | tail -n 1)" "$(field .entries | tail -n 1)" "$theirs" "$copy" "$resolve" "$ours" \
		"$(jq -n "$ours / $theirs")" "$lock" "$(field '.lock_us / 1000' | median)" "$(field .differing | tail -n 1)"
	figure "snapshot_vs_path_params$(suffix_of "$spec")" "$ours" "$theirs" "osm_get_path_params of all pairs" ms
	figure "lock_hold_ms_max$(suffix_of "$spec")" "$lock" "$lock_limit_ms" "what is allowed" ms
	stop_fabric
done
