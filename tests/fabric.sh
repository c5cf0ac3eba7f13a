# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# What the benchmarks on a simulated fabric share; to be read by bash with -euo pipefail. The build folder is
# $top_builddir, or build beside the tests.
#
#   use_fabric KIND SIZE HOSTS ENGINE   ibsim with that fabric; $fabric and $engine name it; its console is at
#                                       descriptor 3, and $umad gives a program the adapter of a host
#   start_sm PLUGINS [NAME=VALUE ...]   opensm with these plugins, osmhfbench among them, until SUBNET UP; osmholdfast
#                                       has its options from $work/osmholdfast.conf, osmhfbench traces to $work/trace
#   until_true SECONDS command ...      runs the command every 20 ms until it ends with 0
#   used_engine                         the routing engine that was used last, by the trace of osmhfbench
#   stop_sm, stop_fabric
#   figure ...                        see figure.sh
#   median                              of the numbers at standard input, one a line
# $work is a folder that is removed at the end, and what was started is ended.

. "$(dirname "${BASH_SOURCE[0]}")/figure.sh"

build=${top_builddir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build" && pwd)}
umad=$build/.libs/libhfsim-umad.so
work=$(mktemp -d "${TMPDIR:-/tmp}/hf-bench.XXXXXX")
export LD_LIBRARY_PATH=$build/plugin/.libs:$build/tests/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export IBSIM_SOCKNAME=hf-bench-$$ OSM_CACHE_DIR=$work/cache OSM_TMP_DIR=$work
: "${HF_BENCH_JSON:=$work/figures}"
start_seconds=300	# the largest fabric on a busy machine
ibsim_pid='' sm_pid=''
mkdir "$work/cache"

end_process() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

stop_sm() {
	end_process "$sm_pid"
	sm_pid=
}

stop_fabric() {
	stop_sm
	end_process "$ibsim_pid"
	ibsim_pid=
	exec 3>&- || true
}

end_bench() {
	stop_fabric
	rm -rf "$work"
}
trap end_bench EXIT
trap 'exit 1' HUP INT TERM

until_true() {
	local deadline=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || { echo "not in time: $*" >&2; return 1; }
		sleep 0.02
	done
}

# torus-2QoS wants to know where the origin is and which way each dimension goes, both ways where a radix is 4.
write_torus_conf() {
	awk -v size="${1//x/ }" '
		/^switchguid/ { split($0, part, "="); guid = part[2] }
		/^Switch/ { gsub(/"/, "", $3); guids[$3] = guid }
		END {
			print "torus", size
			split(size, radix, " ")
			origin = guids["S_0_0_0"]
			print "xp_link", origin, guids["S_1_0_0"]
			print "xm_link", origin, guids["S_" radix[1] - 1 "_0_0"]
			print "yp_link", origin, guids["S_0_1_0"]
			print "ym_link", origin, guids["S_0_" radix[2] - 1 "_0"]
			print "zp_link", origin, guids["S_0_0_1"]
			print "zm_link", origin, guids["S_0_0_" radix[3] - 1]
		}' "$work/fabric.net" >"$work/torus.conf"
}

use_fabric() {
	fabric=$1-$2-$3 engine=$4
	"$build/tests/topology_tool" generate "$1" "$2" "$3" >"$work/fabric.net"
	write_torus_conf "$2"
	[ -e "$work/console" ] || mkfifo "$work/console"
	timeout -k 10 7200 ibsim -s -N 20000 -S 4200 -P 200000 -L 49152 "$work/fabric.net" \
		<"$work/console" >"$work/ibsim.log" 2>&1 3>&- &
	ibsim_pid=$!
	exec 3>"$work/console"
	until_true 30 grep -q 'Network simulator ready' "$work/ibsim.log"
}

is_up() { grep -q '"ev":"subnet_up"' "$work/trace" 2>/dev/null; }

start_sm() {
	local plugins=$1 options=(-R "$engine")

	shift
	: >"$work/opensm.log"
	rm -f "$work/trace"
	cat >"$work/opensm.conf" <<-END
		event_plugin_name $plugins
		event_plugin_options $work/osmholdfast.conf
		force_log_flush TRUE
	END
	[ "$engine" != torus-2QoS ] || options+=(-Q --torus_config "$work/torus.conf")
	env LD_PRELOAD="$umad" HF_UMAD_NODES=sm HF_BENCH_TRACE="$work/trace" "$@" \
		timeout -k 10 3600 opensm "${options[@]}" --maxsmps 128 -f "$work/opensm.log" -F "$work/opensm.conf" \
		>"$work/opensm.out" 2>&1 3>&- &
	sm_pid=$!
	until_true "$start_seconds" is_up
	[ "$(used_engine)" = "$engine" ] || { echo "$fabric: $engine failed, $(used_engine) routes" >&2; exit 1; }
}

used_engine() { jq -r 'select(.ev == "subnet_up") | .engine' "$work/trace" | tail -n 1; }

median() {
	sort -n | awk '{ values[NR] = $1 }
		END { if (NR) print (values[int((NR + 1) / 2)] + values[int((NR + 2) / 2)]) / 2 }'
}
