#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# A stock ibsim with libhfsim-sma.so: LASH and DFSSSP are in force on tori that need more than eight lanes, what is set
# reads back with stock smpquery, and no client stops the fabric.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm saquery smpquery jq
sma=$top_builddir/.libs/libhfsim-sma.so
tool=$top_builddir/tests/sma_tool
IBSIM_SOCKNAME=hf-sma-$$
export IBSIM_SOCKNAME
held_pid=''

stop() {
	[ -z "$held_pid" ] || kill -CONT "$(pgrep -P "$held_pid")" 2>/dev/null
	# shellcheck disable=SC2086 # each may be empty
	end $held_pid $opensm_pid $ibsim_pid
	held_pid='' opensm_pid='' ibsim_pid=''
	exec 3>&- 4>&-
}
on_exit stop

now_ms() { date +%s%3N; }
subnet_is_up_again() { [ "$(grep -c 'SUBNET UP' opensm.log)" -gt "$sweeps" ]; }

start_opensm() {
	started=$(now_ms)
	run_opensm -R "$1" --maxsmps 64 || return 1
	bring_up_ms=$(($(now_ms) - started))
}

# bring_up NAME TORUS HOSTS ENGINE PRELOAD [VARIABLE=VALUE]: in a folder of its own; what ran before ends.
bring_up() {
	stop
	mkdir "$work/$1"
	cd "$work/$1" || return 1
	"$top_builddir/tests/topology_tool" generate torus "$2" "$3" >fabric.net
	engine=$4 ibsim_env=LD_PRELOAD=$5
	shift 5
	ibsim_env="$ibsim_env $*"
	run_ibsim -N 20000 -S 4200 -P 200000 fabric.net && start_opensm "$engine"
}

# on NODE program [argument ...]
on() {
	on_node=$1
	shift
	HF_UMAD_NODES=$on_node LD_PRELOAD=$umad timeout 60 "$@"
}

routed_by() {
	grep 'tables configured' opensm.log
	grep -q "$1 tables configured on all switches" opensm.log &&
		[ "$(grep -c 'tables configured' opensm.log)" -eq "$(grep -c "$1 tables configured" opensm.log)" ]
}

# Some path has an SL that eight lanes do not have.
uses_high_lanes() {
	on "$from" saquery -t 60000 -p | sed -n 's/^[[:blank:]]*sl\.*0x/sl /p' | sort | uniq -c >sls
	cat sls
	grep -q 'sl [89a-e]$' sls
}

lid_of() { on "$from" saquery -N "$1" 2>/dev/null | awk '/lid\.\.\./ { sub(/.*\./, ""); print; exit }'; }
set_at() {
	set_what=$1 set_lid=$(lid_of "$2")
	shift 2
	on "$from" "$tool" "$set_what" "$set_lid" "$@"
}

# reads COMMAND NODE [argument ...]: smpquery's output without the dots.
reads() {
	reads_what=$1 reads_lid=$(lid_of "$2")
	shift 2
	on "$from" smpquery "$reads_what" "$reads_lid" "$@" | sed 's/\.\.\.*/ /'
}
default_ports_are() {
	reads switchinfo "$1" >switchinfo
	cat switchinfo
	grep -q "^DefMcastPrimPort: $2\$" switchinfo && grep -q "^DefMcastNotPrimPort: $3\$" switchinfo
}
port_has() {
	reads portinfo "$1" --show_keys >portinfo
	cat portinfo
	grep -q "^Mkey: $2\$" portinfo && grep -q "^MkeyLeasePeriod: $3\$" portinfo
}
lanes_are() {
	reads portinfo "$1" "$2" >lanes
	cat lanes
	grep -q "^VLCap: $3\$" lanes && grep -q "^OperVLs: $3\$" lanes
}
has_guid() {
	reads guidinfo "$1" >guidinfo
	cat guidinfo
	grep -q "$2" guidinfo
}
own_guid_stays() {
	reads guidinfo "$1" >guids.before
	set_at guid "$1" 0 0xbad && reads guidinfo "$1" | diff guids.before -
}

console() { echo "$*" >&3; }
cable_away_and_back() {
	sweeps=$(grep -c 'SUBNET UP' opensm.log)
	console 'Unlink "S_2_2_2"[1]'
	console 'ReLink "S_2_2_2"[1]'
	wait_for 20 subnet_is_up_again && default_ports_are S_2_2_2 3 2
}
reset_and_back() {
	console 'Clear "S_2_2_2"'
	console 'ReLink "S_2_2_2"'
	wait_for 20 default_ports_are S_2_2_2 0 0
}

# It gets requests, and is stopped. ibsim's socket holds fewer than 400 for it.
stopped_client() {
	mkfifo held
	HF_UMAD_ISSM=1 HF_UMAD_NODES=H_3_3_3_0 LD_PRELOAD=$umad timeout 60 "$top_builddir/tests/umad_tool" silent \
		<held >held.out 2>&1 &
	held_pid=$!
	exec 4>held
	wait_for 10 grep -q ready held.out || return 1
	held_lid=$(lid_of H_3_3_3_0)
	kill -STOP "$(pgrep -P "$held_pid")"
	on H_1_0_0_0 "$tool" flood "$held_lid" 400
	wait_for 5 grep -q 'does not read' ibsim.log
}
others_go_on() { on H_1_0_0_0 saquery -N >nodes && on H_1_0_0_0 smpquery portinfo "$held_lid"; }
reads_again() {
	kill -CONT "$(pgrep -P "$held_pid")"
	on H_1_0_0_0 "$tool" flood "$held_lid" 1
	grep -q 'reads again; MADs dropped: [1-9]' ibsim.log
}

dead_client() {
	"$tool" ghost && wait_for 5 grep -q 'gone before it was connected' ibsim.log && on "$from" saquery -N >nodes
}

refuses_lanes() {
	rc=0
	HF_SMA_VLS=16 LD_PRELOAD=$sma timeout 5 ibsim fabric.net </dev/null >refused 2>&1 || rc=$?
	cat refused
	[ "$rc" -eq 1 ] && grep -q 'HF_SMA_VLS=16: allowed are 1, 2, 4, 8 and 15' refused
}

# The 6-ring that the scenario ends with takes LASH two lanes.
engine_of_scenario() {
	HF_SCENARIO_DIR=$top_srcdir/sim/scenarios TMPDIR=$work timeout 100 "$top_builddir/tools/hfsim" run mesh-to-ring \
		--set "lanes=$1" --json scenario.json
	jq -e ".engine_used == \"$2\"" scenario.json
}

exports_only() {
	nm -D --defined-only "$sma" | sed -n 's/.* T //p' | sort >exported
	printf '%s\n' calloc connect free malloc read select write | diff - exported
}

bring_up_times() {
	for i in 1 2 3; do
		bring_up "stock.$i" 6x6x6 2 minhop '' && stock="${stock:-} $bring_up_ms" &&
			bring_up "kept.$i" 6x6x6 2 minhop "$sma" && kept="${kept:-} $bring_up_ms" || return 1
	done
}

from=H_0_0_0_0
plan 29
try "the library exports what it interposes" exports_only

try "DFSSSP on a torus, eight lanes" bring_up dfsssp-8 5x5x5 1 dfsssp "$sma"
try_not "is not in force" routed_by dfsssp
try "a wrong number of lanes is refused" refuses_lanes
try "ports have eight lanes" lanes_are S_2_2_2 1 VL0-7

try "DFSSSP on a torus, fifteen lanes" bring_up dfsssp-15 5x5x5 1 dfsssp "$sma" HF_SMA_VLS=15
try "is in force" routed_by dfsssp
try "ports have fifteen lanes" lanes_are S_2_2_2 1 VL0-14
try "paths use them" uses_high_lanes

try "default multicast ports are set" set_at switch S_2_2_2 3 2
try "and read back" default_ports_are S_2_2_2 3 2
try "other switches have none" default_ports_are S_2_2_1 0 0
try "a cable away and back: still set" cable_away_and_back
try "M_Key and its lease are kept" eval 'set_at port H_4_4_4_0 0x1234 50 && port_has H_4_4_4_0 0x0*1234 50'
try "GUIDInfo is kept" eval 'set_at guid H_4_4_4_0 9 0xabcd && has_guid H_4_4_4_0 " 8: .* 0x000000000000abcd"'
try "GUID 0 cannot be set" own_guid_stays H_4_4_4_0
try "a switch that is reset loses its settings" reset_and_back

try "a client that reads nothing" stopped_client
try "stops nobody else" others_go_on
try "and is served when it reads again" reads_again
try "a client that dies while it connects ends nothing" dead_client

from=H_0_0_0
try "LASH on a torus, fifteen lanes" bring_up lash-15 12x12 1 lash "$sma" HF_SMA_VLS=15
try "is in force" routed_by lash
try "paths use them" uses_high_lanes
try "LASH on a torus, eight lanes" bring_up lash-8 12x12 1 lash "$sma"
try_not "is not in force" routed_by lash

stop
try "hfsim: a scenario with fifteen lanes" engine_of_scenario 15 lash
try "hfsim: a scenario with one lane" engine_of_scenario 1 minhop

try "216 switches and 432 hosts, three times each" bring_up_times
note "bring-up in ms: ibsim alone$stock, with the library$kept"
