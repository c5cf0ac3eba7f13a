#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Stock programs on the simulated ib_umad and a stock ibsim: opensm brings up a 6x6x6 torus with 432 hosts, whole tables
# arrive, also where one MAD in ten is lost, and what the kernel promises its programs holds.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm saquery ibnetdiscover ibping tshark
topology=$top_builddir/tests/topology_tool
tool=$top_builddir/tests/umad_tool
IBSIM_SOCKNAME=hf-umad-$$
export IBSIM_SOCKNAME
nodes=649	# 216 switches, 432 hosts and the SM's
held_pids=''
cd "$work" || exit 99

stop() {
	# shellcheck disable=SC2086 # a list
	end $held_pids $opensm_pid $ibsim_pid
	exec 3>&-
}
on_exit stop

start_ibsim() {
	"$topology" generate torus 6x6x6 2 >fabric.net
	run_ibsim -N 20000 -S 4200 -P 200000 fabric.net
}

# on NODE[,NODE ...] program [argument ...]
on() {
	on_nodes=$(echo "$1" | tr ',' ' ')
	shift
	HF_UMAD_NODES=$on_nodes LD_PRELOAD=$umad timeout 120 "$@"
}

subnet_ups() { grep -c 'SUBNET UP' opensm.log; }
has_subnet_ups() { [ "$(subnet_ups)" -ge "$1" ]; }

heavy_sweep() {
	sweeps=$(subnet_ups)
	kill -HUP "$(pgrep -P "$opensm_pid")"
	wait_for 20 has_subnet_ups $((sweeps + 1))
}

lid_of() { on "$1" ibstat | awk '/Base lid/ { print $3 }'; }

# What a file for ibsim and a NodeRecord table have in common: the names.
names_expected() { awk '/^(Switch|Hca|Ca)/ { gsub(/"/, "", $3); print $3 }' fabric.net | sort; }
names_found() { sed -n 's/.*NodeDescription\.*//p' | sort; }
# Status 1: there was no answer; 2: it is not what it should be.
all_nodes() {
	on "$@" saquery -t 45000 -N >"nodes.$1" || return 1
	names_expected >expected && names_found <"nodes.$1" >"found.$1" && cmp expected "found.$1" || return 2
}

# paths FROM [option ...]: prints how many different (SLID, DLID) pairs the table has and how many records; ends as
# saquery does.
paths() {
	paths_node=$1
	shift
	{ on "$paths_node" saquery -t 45000 -p "$@"; echo "ended $?"; } |
		awk '/dlid/ { gsub(/.*\./, ""); dlid = $0 }
		     /slid/ { gsub(/.*\./, ""); records++; pairs += !seen[$0 "," dlid]++ }
		     $1 == "ended" { status = $2 }
		     END { print pairs + 0, records + 0; exit status }'
}
# As all_nodes.
paths_are() {
	paths_want="$1 $1"
	shift
	paths_got=$(paths "$@") || return 1
	echo "pairs and records: $paths_got, expected $paths_want"
	[ "$paths_got" = "$paths_want" ] || return 2
}

discovered() { on "$@" >"discovered.$1" && "$topology" same fabric.net "discovered.$1"; }

tools() {
	on H_1_0_0_0 sminfo && on H_1_0_0_0 smpquery nodeinfo -D 0,1 && on H_1_0_0_0 smpquery portinfo "$(lid_of sm)" 1 &&
		on H_1_0_0_0 perfquery "$(lid_of H_2_0_0_0)" 1 && on H_1_0_0_0 ibroute "$(lid_of_switch S_3_3_3)" 1 4 &&
		on H_1_0_0_0 saquery -c && on H_1_0_0_0 saquery NR "$(lid_of H_2_0_0_0)" &&
		on H_1_0_0_0 ls -l /dev/infiniband/umad0 /sys/class/infiniband/hfsim0/ports/1
}
lid_of_switch() { awk -v name="\"$1\"" '/^Switch/ && $0 ~ name { print $(NF - 2) }' discovered.H_1_0_0_0; }

lists_three() {
	on H_0_0_0_0,H_0_0_1_0,H_0_0_2_0 ibstat -l >adapters && printf 'hfsim%d\n' 0 1 2 | cmp - adapters &&
		on H_0_0_0_0,H_0_0_1_0,H_0_0_2_0 saquery -C hfsim2 -N >nodes.third &&
		names_found <nodes.third | cmp expected -
}

# hold NODE program ...: in the background until let_go
hold() {
	hold_node=$1
	shift
	rm -f held held.out
	mkfifo held
	on "$hold_node" "$@" <held >held.out 2>&1 &
	held_pid=$!
	held_pids="$held_pids $held_pid"
	exec 4>held
	wait_for 10 grep -q ready held.out
}
let_go() {
	exec 4>&-
	wait "$held_pid"
}

pinged() {
	HF_UMAD_NODES=H_5_5_5_0 LD_PRELOAD=$umad timeout 30 ibping -S >ibping.log 2>&1 &
	held_pids="$held_pids $!"
	server=$!
	wait_for 10 on H_5_5_5_1 ibping -c 1 "$(lid_of H_5_5_5_0)"
	on H_5_5_5_1 ibping -c 5 -f "$(lid_of H_5_5_5_0)"
	pinged_rc=$?
	end "$server"
	return "$pinged_rc"
}

# Several programs at once on one node, each with transfers of many segments.
together() {
	together_pids=''
	for i in 1 2 3; do
		paths_are "$nodes" H_1_0_0_0 --slid "$(lid_of "H_${i}_0_0_0")" >together.$i 2>&1 &
		together_pids="$together_pids $!"
		on H_1_0_0_0 saquery -N >together.nodes.$i &
		together_pids="$together_pids $!"
	done
	together_rc=0
	for pid in $together_pids; do
		wait "$pid" || together_rc=1
	done
	cat together.[123]
	for i in 1 2 3; do
		names_found <together.nodes.$i | cmp expected - || together_rc=1
	done
	return "$together_rc"
}

two_sweeps() { heavy_sweep && heavy_sweep; }

# ibsim loses every tenth MAD that enters these ports.
lossy() {
	for node in "$@"; do
		echo "Error \"$node\"[1] 10" >&3
	done
}
# A sender gives up when it has sent a segment four times, a receiver 40 s after the first one, as the kernel's do. So
# where MADs are lost there may be no answer, and it is asked for again. One that is not whole is an error at once.
insist() {
	for insist_try in 1 2 3; do
		"$@"
		insist_rc=$?
		[ "$insist_rc" -eq 1 ] || break
		echo "no answer, attempt $insist_try"
	done
	return "$insist_rc"
}
ended_well() {
	wait "$1"
	ended_rc=$?
	cat "$2"
	return "$ended_rc"
}

# Only opensm is attached to ibsim any more, and the ping server: it catches no signal.
all_left() {
	echo 'Attached' >&3
	wait_for 5 grep -q 'connected at "sm"' ibsim.log
	! grep 'connected at' ibsim.log | grep -v '"sm"\|"H_5_5_5_0"'
}

in_capture() { tshark -r sm.pcap -Y "$1" -T fields -e frame.number 2>/dev/null | grep -q .; }
dissected() { tshark -r sm.pcap -Y "$1" -V 2>/dev/null | grep -q "$2"; }

ends_on_sigterm() {
	kill "$(pgrep -P "$opensm_pid")"
	wait "$opensm_pid"
	opensm_rc=$?
	opensm_pid=''
	return "$opensm_rc"
}

dead_ibsim() {
	hold H_0_0_0_0,H_0_0_1_0 "$tool" dead
	end "$ibsim_pid"
	ibsim_pid=''
	let_go
}

exports_only_libc() {
	libc=$(ldd "$umad" | awk '$1 == "libc.so.6" { print $3 }')
	nm -D --defined-only "$umad" | awk '{ print $NF }' | sort >exported
	nm -D --defined-only "$libc" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u >libc.names
	[ -s exported ] && comm -23 exported libc.names | cmp - /dev/null
}

plan 30
try "the library exports libc's names alone" exports_only_libc
try "ibsim starts" start_ibsim
opensm_env=HF_UMAD_CAPTURE=$work/sm.pcap
try "opensm brings up the torus" run_opensm --maxsmps 64
try "saquery -N: all nodes" all_nodes H_1_0_0_0
try "saquery -p: all pairs" paths_are $((nodes * nodes)) H_1_0_0_0
try "ibnetdiscover: the fabric that was meant" discovered H_1_0_0_0 ibnetdiscover
try "other stock tools" tools
try "ibping -S answers" pinged
try "several programs on one node" together
try "three adapters in one process" lists_three
for check in pair timeout agents short duplicates moved cancelled; do
	try "umad: $check" on H_4_0_0_0,H_4_1_0_0 "$tool" "$check"
done

# A port that says it has an SM and does not answer: opensm asks it in each sweep.
export HF_UMAD_ISSM=1
try "a port claims to have an SM" hold H_2_2_2_0 "$tool" silent
unset HF_UMAD_ISSM
try "its silence stops no sweep" two_sweeps
try_not "a request to it times out" on H_1_0_0_0 sminfo -t 100 "$(lid_of H_2_2_2_0)"
let_go

# All at once, for what they wait for is mostly timers. A query that is lost four times is lost for ibnetdiscover, as it
# would be on a real fabric: it may need another try.
lossy H_3_0_0_0 H_3_1_0_0 H_3_2_0_0
insist all_nodes H_3_0_0_0 >loss.nodes 2>&1 &
loss_nodes=$!
insist paths_are "$nodes" H_3_1_0_0 --slid "$(lid_of H_3_1_0_0)" >loss.paths 2>&1 &
loss_paths=$!
try "one MAD in ten lost: ibnetdiscover" wait_for 120 discovered H_3_2_0_0 ibnetdiscover -t 40 -o 16
try "one MAD in ten lost: saquery -p of one host" ended_well "$loss_paths" loss.paths
try "one MAD in ten lost: saquery -N" ended_well "$loss_nodes" loss.nodes

try "whoever has ended has left ibsim" all_left
try "opensm ends on SIGTERM" ends_on_sigterm
try "the capture has requests for tables" in_capture 'infiniband.mad.method == 0x12 && infiniband.mad.mgmtclass == 3'
try "tshark dissects a NodeRecord" dissected 'infiniband.mad.attributeid == 0x0011 && infiniband.mad.mgmtclass == 3' \
	'NodeString: H_2_0_0_0'
try "tshark dissects an SMP" dissected 'infiniband.mad.mgmtclass == 0x81 && infiniband.mad.method == 0x81' \
	'SMP (Directed Route) SubnGetResp(NodeInfo)'
try "tshark finds nothing malformed" [ -z "$(tshark -r sm.pcap -Y _ws.malformed 2>/dev/null)" ]
try "a dead ibsim fails at once" dead_ibsim
