# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=bash
# Debian's perftest between two simulated adapters at the far ends of a 3x2 mesh; to be read behind fabric.sh.
#
#   start_perftest_fabric         ibsim and opensm, until SUBNET UP
#   perftest COLUMN program ...   the value in this column of the client's result; $preload, if set, is loaded into both
#                                 ends in front of the simulated adapters

export HF_FABRIC_MAP=$work/map
port=$((20000 + $$ % 20000))

start_perftest_fabric() {
	"$build/tests/topology_tool" generate mesh 3x2 1 >"$work/fabric.net"
	mkfifo "$work/console"
	LD_PRELOAD=$build/.libs/libhfsim-sma.so timeout -k 10 3600 ibsim -s "$work/fabric.net" <"$work/console" \
		>"$work/ibsim.log" 2>&1 3>&- &
	ibsim_pid=$!
	exec 3>"$work/console"
	until_true 30 grep -q 'Network simulator ready' "$work/ibsim.log"
	echo 'force_log_flush TRUE' >"$work/opensm.conf"
	: >"$work/opensm.log"
	LD_PRELOAD=$umad HF_UMAD_NODES=sm timeout -k 10 3600 opensm -f "$work/opensm.log" -F "$work/opensm.conf" \
		>"$work/opensm.out" 2>&1 3>&- &
	sm_pid=$!
	until_true "$start_seconds" grep -q 'SUBNET UP' "$work/opensm.log"
}

on() {
	local node=$1

	shift
	HF_UMAD_NODES=$node LD_PRELOAD=${preload:+$preload:}$build/.libs/libhfsim-verbs.so timeout 120 "$@" 3>&- 4>&-
}
is_listening() { grep -qi ":$(printf '%04X' "$port") [0:]* 0A" /proc/net/tcp /proc/net/tcp6; }

perftest() {
	local column=$1 server

	shift
	on H_0_0_0 "$@" -p "$port" >"$work/server.out" 2>&1 &
	server=$!
	until_true 30 is_listening
	on H_2_1_0 "$@" -p "$port" 127.0.0.1 >"$work/client.out" 2>&1 || { cat "$work/client.out" >&2; exit 1; }
	wait "$server"
	awk -v column="$column" '/#bytes/ { found = 1; next } found && NF >= column { print $column; exit }' \
		"$work/client.out"
}
