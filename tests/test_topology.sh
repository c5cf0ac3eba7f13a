#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What the generators write, ibsim loads; what stock ibnetdiscover and opensm then find is the fabric that was meant.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

umad2sim=$(find /usr/lib /usr/lib64 -name libumad2sim.so 2>/dev/null | head -n 1)
[ -n "$umad2sim" ] || skip "ibsim-utils is not installed"
need ibsim opensm ibnetdiscover
tool=$top_builddir/tests/topology_tool
osm_pid=
cd "$work" || exit 99

stop() {
	end "$osm_pid" "$ibsim_pid"
	osm_pid= ibsim_pid=
	exec 3>&-
}
on_exit stop

# start_ibsim NET [option ...]: ibsim's console is open at descriptor 3 afterwards.
start_ibsim() {
	net=$1
	shift
	IBSIM_SOCKNAME=hf-topology-$$-$net
	export IBSIM_SOCKNAME
	run_ibsim "$@" -N 20000 -S 4200 -P 200000 "$net"
}

on_fabric() { SIM_HOST=sm LD_PRELOAD=$umad2sim timeout 30 "$@"; }

discovered_same() {
	on_fabric ibnetdiscover >found && "$tool" same "$1" found
}

# loads KIND SIZE HOSTS
loads() {
	"$tool" generate "$@" >fabric.net && start_ibsim fabric.net && discovered_same fabric.net
	loads_rc=$?
	stop
	[ "$loads_rc" -ne 0 ] && cat ibsim.log
	return "$loads_rc"
}

quiet_load() { ! grep 'ibwarn' ibsim.log; }

grouped() {
	"$tool" generate torus 3x3 1 >plain.net && "$tool" generate torus 3x3 1 2 >grouped.net || return 1
	start_ibsim grouped.net -I || return 1
	"$tool" guids torus 3x3 1 2 >&3
	wait_for 10 discovered_same plain.net
}

opensm_up() {
	"$tool" generate mesh 3x2 1 >mesh.net && start_ibsim mesh.net || return 1
	mkdir -p cache
	echo 'force_log_flush TRUE' >opensm.conf
	OSM_CACHE_DIR=$work/cache OSM_TMP_DIR=$work SIM_HOST=sm LD_PRELOAD=$umad2sim \
		timeout 30 opensm -R lash -f "$work/opensm.log" -F "$work/opensm.conf" >opensm.out 2>&1 &
	osm_pid=$!
	wait_for 20 grep -q 'SUBNET UP' opensm.log
}

plan 13
try "mesh 3x2" loads mesh 3x2 1
try "ibsim has nothing to say about it" quiet_load
try "torus 4x4x4" loads torus 4x4x4 1
try "ring 6 with 2 hosts a switch" loads ring 6 2
try "fat-tree of 4-port switches" loads fat-tree 4 2
try "balanced dragonfly" loads dragonfly 4x2 2
try "hyperx" loads hyperx 4x3 1
try "leaf-spine with double cables" loads leaf-spine 4x3x2 3
try "grouped hosts keep their GUIDs" grouped
stop
try "opensm brings the 3x2 mesh up with LASH" opensm_up
try "LASH needs one lane" grep -q 'Lanes needed: 1' opensm.log
try "opensm has the fabric that was meant" discovered_same mesh.net
try "a discovered fabric loads again" "$tool" convert found
stop
