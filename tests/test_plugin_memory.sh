#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The plugin has no memory for a routing: nobody is answered from the one before, and all hosts are told to ask.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need jq

holdfast=$top_builddir/tools/holdfast
socket=$work/socket
bulk=$top_builddir/tests/sa_bulk

holds() { "$holdfast" status --json --socket "$socket" | jq -e "$1"; }
announced() { wait_for 20 holds ".announced.epoch >= $1 and .waiting == null"; }
answers() {	# PATTERN INSTANCE EPOCH
	on_host H_1_0_0 "$bulk" ask 0 "$2" "$3" >answer && cat answer && grep -Eqx "$1" answer
}
told_to_ask() { grep 'trap 69 mask 0x0 ' hosts.log | cut -d' ' -f1 | sort -u | wc -l; }
all_told() { [ "$(told_to_ask)" -eq 6 ]; }

osm_env=HF_REFUSE_MEMORY=$work/refuse osm_preload=$top_builddir/tests/.libs/libhfrefusememory.so
mesh_kind='mesh 6x2 1'
start_fabric || exit 99
plan 14
printf 'control = "%s"\n' "$socket" >plugin.conf
try "opensm comes up" start_opensm osmholdfast "event_plugin_options $work/plugin.conf"
try "the first routing is announced" announced 2
try "hosts subscribe" start_hosts
answers '.*' 0 0
instance=$(cut -d ' ' -f 3 answer)
try "who holds the last epoch gets nothing new" answers "since 2 0 $instance 2" "$instance" 2

: >refuse
ups=$(log_count 'SUBNET UP')
cut_middle
try "a cable is cut, and there is no memory for the routing" wait_for 20 log_says 'this routing cannot be announced'
came_up() { [ "$(log_count 'SUBNET UP')" -gt "$ups" ]; }
try "the subnet is up" wait_for 20 came_up
try "all hosts are told to ask" wait_for 20 all_told
try "OpenSM answers" answers 'records 25' "$instance" 2
try "nothing is announced any more" holds '.announced == null'
rm refuse
restart_hosts
join_middle
try "there is memory again: the next routing is announced" announced 4
try "all hosts are told to ask" wait_for 20 all_told
try "who holds the last epoch that was announced gets the whole" answers "whole 25 $instance 4" "$instance" 2
stop_opensm
try "opensm ends well" [ "$osm_rc" -eq 0 ]
try_not "without an error besides" log_says 'ERR.*no memory'
