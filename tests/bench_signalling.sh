#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#
# What it costs to tell hosts of a link, a switch and a host that fail and return, in each signalling mode, on the same
# faults of the same fabric: MADs and bytes at the SM's adapter, beside the least that any scheme could send; how long
# it takes until the last host is done; and how fast a host gets its whole table, beside stock OpenSM.
#
#	bench_signalling.sh [--figures] [--modes "MODE ..."] [--kinds "link switch host"] [--faults N] [--rounds N]
#		[--latency FABRIC] [--parts "mads latency bulk"] [FABRIC ...]
#
# A FABRIC is KIND:SIZE:HOSTS:ENGINE:LANES, or FILE:ENGINE:LANES with a file that ibnetdiscover printed. The first one's
# figures have the plain names. --faults is for the latency (20), --rounds for the whole table (20).
set -euo pipefail

. "$(dirname "$0")/fabric.sh"

hfsim=$build/tools/hfsim
default_fabrics=(leaf-spine:32x8x2:18:dfsssp:15 torus:8x8x8:1:torus-2QoS:8 dragonfly:8x4:4:lash:8)
latency_fabric=torus:8x8x8:1:torus-2QoS:8
kinds=(link switch host)
others=(hybrid wildcard repath-only)
fabrics=() faults=20 rounds=20 only_figures= parts='mads latency bulk'
knows_targeted() { "$build/plugin/print-options" | grep -q '\btargeted\b'; }
if knows_targeted; then modes=(targeted "${others[@]}"); else modes=("${others[@]}"); fi

while [ $# -gt 0 ]; do
	case $1 in
	--figures) only_figures=yes ;;
	--modes) read -ra modes <<<"$2"; shift ;;
	--kinds) read -ra kinds <<<"$2"; shift ;;
	--faults) faults=$2; shift ;;
	--rounds) rounds=$2; shift ;;
	--latency) latency_fabric=$2; shift ;;
	--parts) parts=$2; shift ;;
	*) fabrics+=("$1") ;;
	esac
	shift
done
[ ${#fabrics[@]} -gt 0 ] || fabrics=("${default_fabrics[@]}")

has_mode() { [[ " ${modes[*]} " == *" $1 "* ]]; }

# Without the mode that this is about there is nothing to compare.
has_targeted() { has_mode targeted; }

# The end of a figure's name: nothing for the first fabric.
suffix_of() {
	local words

	[ "$1" = "${fabrics[0]}" ] && return
	IFS=: read -ra words <<<"$1"
	if [ ${#words[@]} -eq 5 ]; then
		echo "_${words[0]//-/_}_${words[1]}"
	else
		echo "_$(basename "${words[0]%.*}" | tr -c '[:alnum:]\n' _)"
	fi
}

name_figures() {
	has_targeted || return 0
	for fabric_spec in "${fabrics[@]}"; do
		for kind in "${kinds[@]}"; do
			echo "mads_targeted_vs_floor_$kind$(suffix_of "$fabric_spec")"
			for mode in "${others[@]}"; do
				! has_mode "$mode" || echo "mads_targeted_vs_${mode/-/_}_$kind$(suffix_of "$fabric_spec")"
			done
		done
		echo "bytes_per_change$(suffix_of "$fabric_spec")"
	done
	! has_mode wildcard || echo latency_targeted_vs_wildcard
	echo bulk_records_vs_stock_sa
}

if [ -n "$only_figures" ]; then
	name_figures
	exit
fi

# Sets net, section, engine, lanes and settings from a FABRIC.
read_fabric() {
	local words

	settings=
	net=$work/fabric.net
	IFS=: read -ra words <<<"$1"
	if [ ${#words[@]} -eq 5 ]; then
		"$hfsim" topology "${words[0]}" "${words[1]}" --hosts "${words[2]}" --sm >"$net"
		section="kind = ${words[0]} size = ${words[1]} hosts = ${words[2]} lanes = ${words[4]}"
		engine=${words[3]} lanes=${words[4]}
	else
		cp "${words[0]}" "$net"
		section="file = \"$net\" lanes = ${words[2]}"
		engine=${words[1]} lanes=${words[2]}
	fi
	case $engine in
	torus-2QoS)
		write_torus_conf "${words[1]}"
		settings="\"qos TRUE\", \"torus_config $work/torus.conf\""
		;;
	nue) settings="\"qos TRUE\", \"nue_max_num_vls 8\"" ;;
	esac
}

# Cables between switches, "NODE[PORT]" a line, evenly spaced over the file: pick_links COUNT.
pick_links() {
	awk -v want="$1" -F'"' '
		/^Switch/ { name = $2; next }
		/^(Ca|Hca|Rt)/ { name = ""; next }
		/^\[/ && name { split($1, port, /[][]/); ends[++n] = name; ports[n] = port[2]; peers[n] = $2 }
		END {
			for (i = 1; i <= n; i++)
				is_switch[ends[i]] = 1
			for (i = 1; i <= n; i++)
				if (is_switch[peers[i]] && ends[i] < peers[i])
					links[++m] = ends[i] "[" ports[i] "]"
			for (i = 0; i < want; i++)
				print links[int((i + 0.5) * m / want) + 1]
		}' "$net"
}

# A switch without hosts where there is one, else one in the middle; and a host in the middle.
pick_nodes() {
	awk -F'"' '
		/^Switch/ { name = $2; switches[++n] = name; next }
		/^(Ca|Hca)/ { name = ""; hosts[++h] = $2; is_host[$2] = 1; next }
		/^\[/ && name { peers[name] = peers[name] " " $2 }
		END {
			wanted = switches[int(n / 2) + 1]
			for (i = 1; i <= n; i++) {
				count = split(peers[switches[i]], list, " ")
				for (p = 1; p <= count && !is_host[list[p]]; p++)
					;
				if (p > count)
					wanted = switches[i]
			}
			print wanted, hosts[int(h / 2) + 1]
		}' "$net"
}

# Hosts other than the SM's, evenly spaced over the file: pick_hosts COUNT.
pick_hosts() {
	awk -v want="$1" -F'"' '
		/^(Ca|Hca)/ && $2 != "sm" { hosts[++n] = $2 }
		END {
			for (i = 0; i < want; i++)
				print hosts[int((i + 0.5) * n / want) + 1]
		}' "$net"
}

fault() { printf 'fault %s {\n\tkind = %s\n\t%s\n}\n' "$1" "$2" "$3"; }

# write_scenario MEASURE, with the faults at standard input
write_scenario() {
	cat <<-END
		watchdog_s = 3600
		measure = $1
		fabric { $section }
		sm {
			engine = $engine
			opensm = { ${settings:+$settings, }"max_wire_smps 64", "max_wire_smps2 64" }
		}
		hosts {
			connections = none
			holdfastd = { "check_interval_s = 600", "query_timeout_ms = 60000" }
		}
	END
	cat
}

run_mode() {
	TMPDIR=$work "$hfsim" run "$1" --mode "$2" --json "$3" >"$work/log" 2>&1 ||
		{ tail -n 20 "$work/log" >&2; exit 1; }
}

# sum JSON KIND FIELD: of failure and return
sum() { jq "[.faults[] | select(.name | startswith(\"$2-\")) | .$3 // 0] | add" "$1"; }
one() { jq "first(.faults[] | select(.name == \"$2\")) | .$3 // 0" "$1"; }
is_announced() { jq -e '.faults[0].announced_hosts != null' "$1" >/dev/null; }

# floor JSON KIND: each host that is told, and its answer; and what changed, at 200 bytes a MAD.
floor() {
	jq --arg kind "$2-" '[.faults[] | select(.name | startswith($kind)) |
		(.announced_hosts // .hosts_told) * 2 +
		((.announced_bytes // .path_records_received * 2) / 200 | ceil)] | add' "$1"
}

times_floor() { awk -v mads="$1" -v least="$2" 'BEGIN { if (least) printf "%.2f", mads / least; else print "-" }'; }

# Each kind of fault in a run of its own: repath-only sends millions of MADs, and hfsim keeps what everybody said of them.
measure_mads() {
	local spec=$1 suffix link node host reference first told json
	declare -A targets

	read_fabric "$spec"
	suffix=$(suffix_of "$spec")
	link=$(pick_links 1)
	read -r node host < <(pick_nodes)
	targets=([link]="port = \"$link\"" [switch]="node = \"$node\"" [host]="node = \"$host\"")
	for kind in "${kinds[@]}"; do
		local down=node-down up=node-up

		[ "$kind" != link ] || down=unlink up=relink
		{
			fault "$kind-down" "$down" "${targets[$kind]}"
			fault "$kind-up" "$up" "${targets[$kind]}"
		} | write_scenario mads >"$work/$kind.conf"
		for mode in "${modes[@]}"; do
			run_mode "$work/$kind.conf" "$mode" "$work/$mode.$kind.json"
		done
	done
	reference=${modes[0]}
	first=$work/$reference.${kinds[0]}.json
	! has_mode repath-only || is_announced "$first" || reference=repath-only
	printf '\n%s: %s hosts, routed by %s; link %s, switch %s, host %s\n' "$spec" \
		"$(jq .hosts "$first")" "$(jq -r .engine_used "$first")" "$link" "$node" "$host"
	printf '%-7s %-12s %10s %10s %10s %12s %8s %8s\n' fault mode failed returned MADs bytes told 'x floor'
	for kind in "${kinds[@]}"; do
		least=$(floor "$work/$reference.$kind.json" "$kind")
		for mode in "${modes[@]}"; do
			json=$work/$mode.$kind.json
			printf '%-7s %-12s %10s %10s %10s %12s %8s %8s\n' "$kind" "$mode" \
				"$(one "$json" "$kind-down" mads_signalling)" "$(one "$json" "$kind-up" mads_signalling)" \
				"$(sum "$json" "$kind" mads_signalling)" "$(sum "$json" "$kind" bytes_signalling)" \
				"$(sum "$json" "$kind" hosts_told)" \
				"$(times_floor "$(sum "$json" "$kind" mads_signalling)" "$least")"
		done
		printf '%-7s %-12s %32s\n' "$kind" floor "$least"
		! has_targeted || yield_mads "$kind" "$suffix" "$least"
	done
	told=$(for kind in "${kinds[@]}"; do cat "$work/$reference.$kind.json"; done |
		jq -s '[.[].faults[]] | [([.[].announced_bytes // 0] | add), ([.[].announced_changes // 0] | add)]')
	is_announced "$first" ||
		echo 'The floor is an estimate: the plugin does not tell the bytes of what changed.'
	! has_targeted || figure "bytes_per_change$suffix" "$(jq '.[0]' <<<"$told")" "$(jq '.[1]' <<<"$told")" \
		"paths that changed" bytes
}

yield_mads() {
	local ours

	ours=$(sum "$work/targeted.$1.json" "$1" mads_signalling)
	figure "mads_targeted_vs_floor_$1$2" "$ours" "$3" "two for each host told, and the changes" MADs
	for mode in "${others[@]}"; do
		! has_mode "$mode" || figure "mads_targeted_vs_${mode/-/_}_$1$2" "$ours" \
			"$(sum "$work/$mode.$1.json" "$1" mads_signalling)" "mode $mode" MADs
	done
}

# measure_mads FABRIC, without kinds and modes that no figure needs that was asked for.
measure_wanted_mads() {
	local suffix wanted_kinds=() wanted_modes=()

	suffix=$(suffix_of "$1")
	for kind in "${kinds[@]}"; do
		is_wanted "(mads_.*_$kind|bytes_per_change)$suffix" || continue
		wanted_kinds+=("$kind")
	done
	for mode in "${modes[@]}"; do
		[ "$mode" = targeted ] || is_wanted "mads_targeted_vs_${mode/-/_}_(link|switch|host)$suffix" || continue
		wanted_modes+=("$mode")
	done
	[ ${#wanted_kinds[@]} -gt 0 ] || return 0
	local kinds=("${wanted_kinds[@]}") modes=("${wanted_modes[@]}")
	measure_mads "$1"
}

# From routing done to the last host done; and what of it is ours. A fault that nobody is told of counts for none.
latencies() { jq '.faults[] | select(.ms_last_host_done and .ms_routing_done) | .ms_last_host_done - .ms_routing_done' "$1"; }
ours() { jq '.faults[] | select(.ms_ours) | .ms_ours' "$1"; }
worst() { sort -n | tail -n 1; }

measure_latency() {
	local scenario=$work/latency.conf number=0 host mode

	read_fabric "$latency_fabric"
	pick_hosts $((faults / 2)) | while read -r host; do
		number=$((number + 1))
		fault "leaves-$number" node-down "node = \"$host\""
		fault "returns-$number" node-up "node = \"$host\""
	done | write_scenario nothing >"$scenario"
	printf '\n%s: from routing done to the last host done, %s times a host leaves or returns (ms)\n' "$latency_fabric" \
		"$faults"
	printf '%-12s %6s %10s %10s %12s %12s\n' mode faults median worst 'ours median' 'ours worst'
	for mode in "${modes[@]}"; do
		run_mode "$scenario" "$mode" "$work/latency.$mode.json"
		printf '%-12s %6s %10.2f %10.2f %12.2f %12.2f\n' "$mode" \
			"$(latencies "$work/latency.$mode.json" | wc -l)" \
			"$(latencies "$work/latency.$mode.json" | median)" "$(latencies "$work/latency.$mode.json" | worst)" \
			"$(ours "$work/latency.$mode.json" | median)" "$(ours "$work/latency.$mode.json" | worst)"
	done
	if has_targeted && has_mode wildcard; then
		figure latency_targeted_vs_wildcard "$(latencies "$work/latency.targeted.json" | median)" \
			"$(latencies "$work/latency.wildcard.json" | median)" "mode wildcard" ms
	fi
}

# per_second WHO AT_ONCE: destinations a second, the median of the rounds
per_second() {
	awk -v who="$1" -v at_once="$2" '$1 == who { print at_once * $2 * 1e6 / ($4 + 1) }' "$work/bulk.$2" | median
}

measure_bulk() {
	local words host many=8

	IFS=: read -ra words <<<"$latency_fabric"
	use_fabric "${words[0]}" "${words[1]}" "${words[2]}" "${words[3]}"
	printf 'trace = "%s"\nmode = %s\n' "$work/plugin.trace" "${modes[0]}" >"$work/osmholdfast.conf"
	start_sm 'osmholdfast osmhfbench'
	host=$(awk -F'"' '/^(Ca|Hca)/ { hosts[++n] = $2 } END { print hosts[int(n / 2) + 1] }' "$work/fabric.net")
	for at_once in 1 "$many"; do
		LD_PRELOAD=$umad HF_UMAD_NODES=$host "$build/tests/sa_bulk" "$rounds" "$at_once" >"$work/bulk.$at_once"
	done
	stop_fabric
	printf '\n%s: the whole table of %s, so many times at once, median of %s turns\n' "$latency_fabric" "$host" "$rounds"
	printf '%-8s %8s %14s %10s %12s\n' answer 'at once' destinations bytes 'a second'
	for at_once in 1 "$many"; do
		for who in stock delta; do
			! grep -q "^$who" "$work/bulk.$at_once" || printf '%-8s %8s %14s %10s %12.0f\n' "$who" "$at_once" \
				"$(awk -v who="$who" '$1 == who { print $2 }' "$work/bulk.$at_once" | median)" \
				"$(awk -v who="$who" '$1 == who { print $3 }' "$work/bulk.$at_once" | median)" \
				"$(per_second "$who" "$at_once")"
		done
	done
	! grep -q ^delta "$work/bulk.$many" || ! has_targeted ||
		figure bulk_records_vs_stock_sa "$(per_second delta "$many")" "$(per_second stock "$many")" \
			"SubnAdmGetTable of OpenSM" records/s
}

for part in $parts; do
	case $part in
	mads)
		for fabric_spec in "${fabrics[@]}"; do
			measure_wanted_mads "$fabric_spec"
		done
		;;
	latency) ! is_wanted latency_targeted_vs_wildcard || measure_latency ;;
	bulk) ! is_wanted bulk_records_vs_stock_sa || measure_bulk ;;
	*)
		echo "part \"$part\", allowed are mads, latency and bulk" >&2
		exit 2
		;;
	esac
done
