#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Stock verbs programs on simulated adapters: stock opensm and ibsim make a 3x2 mesh with two hosts a switch, the
# programs of ibverbs-utils and perftest run between its hosts, and the fabric counts. Each case of verbs_tool runs too.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm ibv_devinfo ibv_rc_pingpong ib_send_bw
sma=$top_builddir/.libs/libhfsim-sma.so
verbs=$top_builddir/.libs/libhfsim-verbs.so
tool=$top_builddir/tests/verbs_tool
smp=$top_builddir/tests/sma_tool
fabric=$top_builddir/hfsim-fabric
IBSIM_SOCKNAME=hf-verbs-$$
HF_FABRIC_MAP=$work/map
export IBSIM_SOCKNAME HF_FABRIC_MAP
server_pid='' held_pid=''
cd "$work" || exit 99

stop() {
	exec 3>&- 4>&-
	# shellcheck disable=SC2086 # each may be empty
	end $held_pid $server_pid $opensm_pid $ibsim_pid
}
on_exit stop

start_ibsim() {
	"$top_builddir/tests/topology_tool" generate mesh 3x2 2 >fabric.net
	ibsim_env=LD_PRELOAD=$sma
	run_ibsim fabric.net
}

stop_opensm() {
	end "$opensm_pid"
	opensm_pid=''
}

# on "NODE ..." program [argument ...]
on() {
	on_nodes=$1
	shift
	HF_UMAD_NODES=$on_nodes LD_PRELOAD=$verbs timeout 60 "$@"
}

# Sets of tables.
smp() { HF_UMAD_NODES=H_0_0_1 LD_PRELOAD=$umad timeout 20 "$smp" "$@"; }

is_listening() { grep -q ":$(printf '%04X' "$1") 00000000:0000 0A" /proc/net/tcp /proc/net/tcp6 2>/dev/null ||
	grep -qi ":$(printf '%04X' "$1") 0*:0000 0A" /proc/net/tcp6; }

# pair SERVER CLIENT PORT_OPTION program [argument ...]: the same program at two nodes; both must end well.
pair() {
	pair_server=$1 pair_client=$2 pair_port=$((20000 + $$ % 20000))
	pair_option=$3
	shift 3
	HF_UMAD_NODES=$pair_server LD_PRELOAD=$verbs timeout 60 "$@" "$pair_option" "$pair_port" >server.out 2>&1 3>&- &
	server_pid=$!
	wait_for 10 is_listening "$pair_port" || { cat server.out; return 1; }
	on "$pair_client" "$@" "$pair_option" "$pair_port" 127.0.0.1 >client.out 2>&1
	pair_rc=$?
	wait "$server_pid" || pair_rc=$?
	server_pid=''
	cat client.out server.out
	return "$pair_rc"
}
pingpong() { pair H_0_0_0 H_2_1_0 -p "$@"; }
perftest() { pair H_0_0_0 H_2_1_0 -p "$@"; }

lid_of() { "$fabric" ports "$1" | awk 'NR == 1 { print $3 }'; }
devinfo_is_right() {
	on "H_0_0_0 H_2_1_0" ibv_devinfo >devinfo || return 1
	cat devinfo
	[ "$(grep -c 'hca_id:.*hfsim[01]$' devinfo)" -eq 2 ] && [ "$(grep -c 'PORT_ACTIVE' devinfo)" -eq 2 ] &&
		grep -q "port_lid:[[:blank:]]*$(lid_of H_0_0_0)$" devinfo &&
		grep -q "port_lid:[[:blank:]]*$(lid_of H_2_1_0)$" devinfo &&
		grep -q "port_lmc:[[:blank:]]*0x01" devinfo && grep -q 'link_layer:.*InfiniBand' devinfo
}

# counted NODE PORT DIRECTION SL: packets
counted() { "$fabric" counters "$1" | awk -v p="$1[$2]" -v d="$3" -v sl="$4" \
	'$1 == p && $2 == d && $4 == sl { n = $5 } END { print n + 0 }'; }
lost_at() { "$fabric" counters "$1" | awk '$2 == "lost" { n += $3 } END { print n + 0 }'; }
counts_by_sl() {
	before=$(counted H_0_0_0 1 xmit 6)
	pingpong ibv_rc_pingpong -n 100 -l 6 || return 1
	"$fabric" counters H_0_0_0
	# Two packets of 2048 bytes a message, and the acknowledgements; at both ends the same.
	[ "$(counted H_0_0_0 1 xmit 6)" -ge $((before + 300)) ] &&
		[ "$(counted H_0_0_0 1 xmit 6)" -eq "$(counted S_0_0 5 rcv 6)" ] &&
		[ "$(counted H_0_0_0 1 xmit 6)" -eq "$(counted H_2_1_0 1 rcv 6)" ] &&
		[ "$(counted H_0_0_0 1 xmit 4)" -eq 0 ]
}

both() { on "H_0_0_0 H_2_1_0" "$tool" "$@"; }
mlx5() { HF_VERBS_MODEL=mlx5 both "$@"; }
refuses_model() { HF_VERBS_MODEL=best both sends 2>&1 | grep -q 'allowed are mthca, mlx5'; }
no_device_elsewhere() {
	! on nowhere ibv_devinfo >devinfo 2>&1 && grep -q 'nowhere.*no adapter of this fabric' devinfo
}
damaged_map_refused() {
	head -c 100000 "$HF_FABRIC_MAP" >cut.map
	! HF_FABRIC_MAP=cut.map on H_0_0_0 ibv_devinfo >devinfo 2>&1 && grep -q 'damaged' devinfo
}
is_real_without_map() {
	env -u HF_FABRIC_MAP LD_PRELOAD="$verbs" ibv_devices >devinfo 2>&1
	! grep -q hfsim devinfo
}

# hold WORD program ...: in the background until it says WORD; "go on" sends it a line.
hold() {
	hold_word=$1
	shift
	rm -f held held.out
	mkfifo held
	HF_UMAD_NODES="H_0_0_0 H_2_1_0" LD_PRELOAD=$verbs timeout 60 "$tool" "$@" <held >held.out 2>&1 3>&- &
	held_pid=$!
	exec 4>held
	wait_for 20 grep -q "$hold_word" held.out || { cat held.out; return 1; }
}
go_on() { echo >&4; }
ended_well() {
	wait "$held_pid"
	ended_rc=$?
	held_pid=''
	exec 4>&-
	cat held.out
	return "$ended_rc"
}
has_state() { "$fabric" ports "$1" | awk -v p="$1[$2]" '$1 == p { print $7 }' | grep -qx "$3"; }
cut() {
	echo "Unlink \"$1\"[$2]" >&3
	wait_for 5 has_state "$1" "$2" 1
}

events_arrive() {
	hold ready port_events && cut H_0_0_0 1 && wait_for 10 grep -q down held.out &&
		echo 'ReLink "H_0_0_0"[1]' >&3 && ended_well
}

# The way from H_0_0_0 to a LID of H_2_1_0 as the tables have it: its first switch has another entry.
route_is() { "$fabric" route H_0_0_0 "$1" | tail -n 1 | grep -q "$2"; }
misroute() { smp lft "$(lid_of S_0_0)" "$1" "$2" && route_is "$1" "$3"; }
entry_of() { "$fabric" route H_0_0_0 "$1" | sed -n 's/^S_0_0\[\([0-9]*\)\] ->.*/\1/p'; }

wrong_table_loses() {
	before=$(lost_at H_0_0_1)
	hold ready lost && misroute "$far" 6 'wrong LID at H_0_0_1' && go_on && ended_well &&
		[ "$(lost_at H_0_0_1)" -gt "$before" ]
}
retried_until_healed() {
	hold ready healed && misroute "$far" 255 'no route' && go_on && wait_for 10 grep -q lost held.out &&
		misroute "$far" "$way" delivered && ended_well
}
loop_loses() {
	# to the next switch and from there back
	hold ready lost && misroute "$far" 2 . && smp lft "$(lid_of S_1_0)" "$far" 1 && route_is "$far" loop && go_on &&
		ended_well
}
unreliable_loses() { hold ready unreliable && misroute "$far" 255 'no route' && go_on && ended_well; }
migrates_by_failure() {
	hold armed migrated_by_failure && misroute "$far" 255 'no route' && go_on && ended_well
}
restore() { smp lft "$(lid_of S_0_0)" "$far" "$way" && smp lft "$(lid_of S_1_0)" "$far" "$second_way" &&
	route_is "$far" delivered; }
second_entry_of() { "$fabric" route H_1_0_0 "$1" | sed -n 's/^S_1_0\[\([0-9]*\)\] ->.*/\1/p'; }

# A server that is killed leaves its client with what a real adapter says too.
killed_peer() {
	pair_port=$((20000 + $$ % 20000))
	HF_UMAD_NODES=H_0_0_0 LD_PRELOAD=$verbs timeout 60 ibv_rc_pingpong -n 100000000 -p "$pair_port" >server.out 2>&1 3>&- &
	server_pid=$!
	wait_for 10 is_listening "$pair_port" || return 1
	HF_UMAD_NODES=H_2_1_0 LD_PRELOAD=$verbs timeout 60 ibv_rc_pingpong -n 100000000 -p "$pair_port" 127.0.0.1 \
		>client.out 2>&1 3>&- &
	client_pid=$!
	wait_for 10 is_sending || return 1
	pkill -KILL -P "$server_pid"
	wait "$server_pid"
	wait "$client_pid"
	client_rc=$?
	server_pid=''
	cat client.out
	[ "$client_rc" -ne 0 ] && [ "$client_rc" -ne 124 ] && grep -q 'transport retry counter exceeded' client.out
}
sent() { counted H_2_1_0 1 xmit 0; }
is_sending() { sent_before=${sent_before:-$(sent)}; [ "$(sent)" -gt $((sent_before + 100)) ]; }

# The cable of the first host, and nobody to route around it.
cut_ends_in_retry_exceeded() {
	hold ready lost && cut S_2_1 5 && go_on && ended_well && has_state H_2_1_0 1 1
}
heals() { echo 'ReLink "S_2_1"[5]' >&3 && run_opensm -l 1 && wait_for 10 has_state H_2_1_0 1 4; }

multicast() { on "H_0_0_0 H_1_0_0 H_2_1_0 H_0_1_0" "$tool" multicast "$1"; }
# From S_0_0 (hosts at 5 and 6) to S_1_0 at 2, whose host is at 5; nobody else.
by_multicast_table() {
	smp mft "$(lid_of S_0_0)" 0xc005 $((1 << 2 | 1 << 6)) && smp mft "$(lid_of S_1_0)" 0xc005 $((1 << 5 | 1 << 1)) &&
		multicast 1
}
# S_1_0 knows the group no more: it goes on to port 4 by default, to S_1_1, and from there the same to S_0_1's host.
by_default_port() {
	smp mft "$(lid_of S_1_0)" 0xc005 0 && smp switch "$(lid_of S_1_0)" 4 255 &&
		smp switch "$(lid_of S_1_1)" 1 255 && smp mft "$(lid_of S_0_1)" 0xc005 $((1 << 5)) &&
		"$fabric" flood H_0_0_0 0xc005 && multicast 1
}

plan 61
try "ibsim with a fabric map" start_ibsim
try "opensm brings up the mesh" run_opensm -l 1
try "ibv_devinfo" devinfo_is_right
try "a node that is none" no_device_elsewhere
try "a map that is cut" damaged_map_refused
try "without a map the devices are the machine's" is_real_without_map
try "a model that is none" refuses_model
far=$(lid_of H_2_1_0) way=$(entry_of "$(lid_of H_2_1_0)") second_way=$(second_entry_of "$(lid_of H_2_1_0)")
for kind in rc uc ud srq; do
	try "ibv_${kind}_pingpong" pingpong ibv_${kind}_pingpong -n 500
done
try "ibv_rc_pingpong with events" pingpong ibv_rc_pingpong -n 200 -e
try "ibv_rc_pingpong with the new interface" pingpong ibv_rc_pingpong -n 500 -N
for program in ib_send_bw ib_write_bw ib_read_bw ib_send_lat; do
	try "$program" perftest $program -n 500
done
try "ib_write_lat" perftest ib_write_lat -n 500
try "ib_atomic_bw" perftest ib_atomic_bw -n 500
try "ib_send_bw, UD" perftest ib_send_bw -c UD -n 500
try "ib_send_bw, both ways, 4 queue pairs, events" perftest ib_send_bw -n 500 -b -q 4 -e
try "packets are counted by port and SL" counts_by_sl
for case in sends pieces inlined writes reads atomics keys too_long windows type_1_window not_ready shared_receives \
	flushes overrun notified drained migrated deaf datagrams extended loaded; do
	try "verbs: $case" both "$case"
done
try "each transition, each attribute" both transitions
try "each transition of an adapter without SQD" mlx5 transitions
try "port events" events_arrive
try "a killed server" killed_peer

stop_opensm
try "a wrong table loses packets: retry exceeded" wrong_table_loses
try "the tables are restored" restore
try "retried until the table is right" retried_until_healed
try "a loop loses packets" loop_loses
try "the tables are restored" restore
try "an unreliable connection loses them without a word" unreliable_loses
try "the tables are restored" restore
try "migration by failure" migrates_by_failure
try "the tables are restored" restore
try "multicast by the switches' tables" by_multicast_table
try "multicast by the default ports" by_default_port
try "a cut link, not routed around: retry exceeded" cut_ends_in_retry_exceeded
try "mended and routed" heals
try "ibv_rc_pingpong again" pingpong ibv_rc_pingpong -n 100
