#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# 64 hosts of a 4x4x4 torus on two slots of a stock ibsim, beside a stock opensm. Programs have the simulated ib_umad
# where whole MADs and tables matter, and else ibsim's own, which must be able to use the mux, too.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

umad2sim=$(find /usr/lib /usr/lib64 -name libumad2sim.so 2>/dev/null | head -n 1)
[ -n "$umad2sim" ] || skip "ibsim-utils is not installed"
need ibsim opensm ibnetdiscover perfquery saquery sminfo
tool=$top_builddir/tests/topology_tool
client=$top_builddir/tests/mux_client
mux=$top_builddir/hfsim-mux
fabric="torus 4x4x4 1"
ibsim_name=hf-mux-$$-ibsim
mux_name=hf-mux-$$
pids=
cd "$work" || exit 99

stop() {
	# shellcheck disable=SC2086 # a list
	end $pids "$opensm_pid" "$ibsim_pid"
	exec 3>&-
}
on_exit stop

start_fabric() {
	ibsim_env=IBSIM_SOCKNAME=$ibsim_name opensm_env=IBSIM_SOCKNAME=$ibsim_name
	$tool generate $fabric 1 >fabric.net && run_ibsim -I -N 1000 -S 100 -P 10000 fabric.net &&
		$tool guids $fabric 1 >&3
}

start_mux() {
	timeout -k 3 900 "$mux" --listen "$mux_name" --ibsim "$ibsim_name" >mux.log 2>&1 &
	mux_pid=$!
	pids="$mux_pid $pids"
	wait_for 10 grep -q 'is shared as' mux.log
}

on_host() {
	host=$1
	shift
	IBSIM_SOCKNAME=$mux_name SIM_HOST=$host LD_PRELOAD=$umad2sim timeout -k 3 20 "$@"
}

on_ibsim() {
	host=$1
	shift
	IBSIM_SOCKNAME=$ibsim_name SIM_HOST=$host LD_PRELOAD=$umad2sim timeout -k 3 20 "$@"
}

# all_query COMMAND...: from all hosts at once; the answers are those that the SM's own host gets
all_query() {
	IBSIM_SOCKNAME=$ibsim_name HF_UMAD_NODES=sm timeout -k 3 30 env LD_PRELOAD="$umad" "$@" >expected || return 1
	query_pids=
	for host in $hosts; do
		IBSIM_SOCKNAME=$mux_name HF_UMAD_NODES=$host timeout -k 3 60 env LD_PRELOAD="$umad" "$@" \
			>"answer-$host" 2>"error-$host" &
		query_pids="$query_pids $!"
	done
	query_rc=0
	for pid in $query_pids; do
		wait "$pid" || query_rc=1
	done
	for host in $hosts; do
		cmp expected "answer-$host" || { cat "error-$host"; query_rc=1; }
	done
	return "$query_rc"
}

all_nodes() { all_query saquery -N -t 30000 && [ "$(grep -c NodeDescription expected)" -eq 129 ]; }
all_paths() { all_query saquery -p -t 30000 && [ "$(grep -c 'dgid' expected)" -eq 16641 ]; }

same_discovery() {
	on_ibsim H_3_1_2_0 ibnetdiscover >direct.out && on_host H_3_1_2_0 ibnetdiscover >muxed.out || return 1
	grep -q 'Initiated from' direct.out && sed -i '/generated on/d' direct.out muxed.out &&
		cmp direct.out muxed.out
}

sm_info() { on_host H_2_1_0_0 sminfo >out && grep 'SMINFO_MASTER' out; }

own_counters() {
	lid=$(on_host H_2_1_0_0 ibstat | awk '/Base lid/ { print $3 }')
	on_host H_2_1_0_0 perfquery >out && grep "Lid $lid port 1 " out
}

# hold NODE: a client that sits there until it is killed
hold() {
	"$client" "$mux_name" hold "$1" >"hold-$1" &
	held_pid=$!
	pids="$held_pid $pids"
	wait_for 10 test -s "hold-$1"
}

killed_client() {
	hold H_1_0_0_0 || return 1
	kill -KILL "$held_pid"
	wait_for 5 grep -q 'at node H_1_0_0_0 is gone' mux.log && "$client" "$mux_name" one-listener H_1_0_0_0
}

trunk_node() { sed -n 's/.*trunk is at node \([^,]*\),.*/\1/p' mux.log | tail -n 1; }
trunk_left() { [ "$(trunk_node)" != "$1" ]; }

# The others go on when the host that the mux sends from loses its link.
link_loss() {
	lost=$(trunk_node)
	hold "$lost" && hold H_2_2_2_0 && echo "Unlink \"$lost\"[1]" >&3 || return 1
	wait_for 10 trunk_left "$lost" && "$client" "$mux_name" storm 1 H_3_3_3_0
}

early() {
	mkfifo word
	"$client" "$mux_name" early 64 $hosts <word >early.out &
	early_pid=$!
	exec 4>word
	wait_for 10 grep -q ready early.out && run_opensm 4>&-
	early_rc=$?
	exec 4>&-
	wait "$early_pid" && return "$early_rc"
}

# Of ibsim's clients only the SM is left.
slots_are_free() {
	echo Attached >&3
	awk '/sim> Client/ { n = 0 } /Client [0-9]+: pid/ { n++ } END { exit n != 1 }' ibsim.log
}

# Without clients, too, it must not stay behind.
ibsim_lost() {
	start_mux || return 1
	kill "$ibsim_pid" && wait "$ibsim_pid"
	wait_for 5 grep -q 'is gone' mux.log
	wait "$mux_pid"
	[ $? -eq 69 ]
}

ends() { kill -TERM "$mux_pid" && wait "$mux_pid" && wait_for 5 slots_are_free; }

hosts=
for x in 0 1 2 3; do
	for y in 0 1 2 3; do
		for z in 0 1 2 3; do
			hosts="$hosts H_${x}_${y}_${z}_0"
		done
	done
done

# As many as there are slots, twice: the first ones' places must be free at once.
all_slots() {
	ulimit -n 4096 || return 1
	"$client" "$mux_name" storm 1024 $hosts && "$client" "$mux_name" storm 1024 $hosts
}

plan 18
start_fabric && start_mux || { cat ./*.log; exit 99; }
try "clients that connect before the SM starts" early
try "64 hosts" "$client" "$mux_name" storm 64 $hosts
try "200 clients on 64 hosts" "$client" "$mux_name" storm 200 $hosts
try "1024 clients, twice" all_slots
try "saquery from 64 hosts at once: all node records" all_nodes
try "saquery from 64 hosts at once: all path records" all_paths
try "a client that does not read delays no other" "$client" "$mux_name" slow H_1_2_3_0 H_3_2_1_0
try "one client gets the requests to a node" "$client" "$mux_name" one-listener H_0_0_1_0
try "the place of a killed client is used again" killed_client
try "malformed datagrams" "$client" "$mux_name" garbage H_0_1_0_0
try "an unknown node is refused" "$client" "$mux_name" refused H_9_9_9_9
try "a node with a port GUID of its own is refused" "$client" "$mux_name" refused sm
try "ibnetdiscover finds what it finds on ibsim itself" same_discovery
try "sminfo" sm_info
try "perfquery reads the host's own counters" own_counters
try "the shared slot leaves a host whose link is down" link_loss
try "the slots of ibsim are free at the end" ends
try "it ends with ibsim" ibsim_lost
