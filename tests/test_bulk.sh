#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The query for what has changed (doc/protocol.md), asked of a real opensm: from where it leads, that it has what the
# SA's own table has, and that nobody learns of paths of other ports.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need jq

holdfast=$top_builddir/tools/holdfast
socket=$work/socket
bulk=$top_builddir/tests/sa_bulk

holds() { "$holdfast" status --json --socket "$socket" | jq -e "$1"; }
announced() { wait_for 20 holds ".announced.epoch >= $1 and .waiting == null"; }
ask() { on_host "$asker" "$bulk" ask "$@" >answer && cat answer; }
answers() {	# PATTERN SGUID INSTANCE EPOCH
	answers_what=$1
	shift
	ask "$@" && grep -Eqx "$answers_what" answer
}
guid_of() { on_host "$1" ibstat -p | head -n 1; }
start_plugin() { start_opensm osmholdfast "event_plugin_options $work/plugin.conf" "$@"; }

# As many destinations from Holdfast as records from OpenSM.
same_number() {
	on_host "$1" "$bulk" 1 >numbers && cat numbers
	[ "$(awk '$1 == "delta" { print $2 }' numbers)" = "$(awk '$1 == "stock" { print $2 }' numbers)" ]
}

start_fabric || exit 99
plan 22
asker=H_1_0_0
printf 'control = "%s"\n' "$socket" >plugin.conf
try "opensm comes up" start_plugin
try "the first routing is announced" announced 2
other=$(guid_of H_2_0_0)
try "who holds nothing gets the whole" answers 'whole 13 0x[0-9a-f]{16} 2' 0 0 0
instance=$(cut -d ' ' -f 3 answer)
try "as much as OpenSM has" same_number H_1_0_0
try "who holds the last epoch gets nothing new" answers "since 2 0 $instance 2" 0 "$instance" 2
try "who comes from another instance gets the whole" answers "whole 13 $instance 2" 0 0x1234 2
try "who comes from an epoch that is yet to come, too" answers "whole 13 $instance 2" 0 "$instance" 4
try "and from the highest" answers "whole 13 $instance 2" 0 "$instance" 0xffffffffffffffff
try "in another port's name: ERR_REQ_INVALID" answers 'refused 0x0200' "$other" 0 0
try "in nobody's name: ERR_REQ_INVALID_GID" answers 'refused 0x0500' 0xdead 0 0
cut_middle
try "a cable is cut" announced 4
"$holdfast" snapshot --socket "$socket" after >/dev/null
ask 0 "$instance" 2
changes=$(cut -d ' ' -f 3 answer)
try "what has changed since then: not all, and not nothing" [ "$changes" -gt 0 -a "$changes" -lt 13 ]
try "from there to here" grep -Eqx "since 2 $changes $instance 4" answer
try "who took the first of two Reports gets all of it" answers "since 3 $changes $instance 4" 0 "$instance" 3
try "in another port's name it is refused still" answers 'refused 0x0200' "$other" "$instance" 2
try "a stock client gets records as ever" [ "$(sa_records | wc -l)" -eq 169 ]
stop_opensm
try "opensm ends well" [ "$osm_rc" -eq 0 ]

# The SM talks with all; of the hosts these two with each other, the others with the SM alone.
printf 'Default=0x7fff, ipoib: ALL=limited, SELF=full, ALL_SWITCHES=full;\nTwo=0x0001: %s=full, %s=full;\n' \
	"$(guid_of H_1_0_0)" "$other" >partitions.conf
try "with partitions" start_plugin "partition_config_file $work/partitions.conf"
announced 2
try "a host of two: as much as OpenSM has" same_number H_1_0_0
two=$(awk '$1 == "delta" { print $2 }' numbers)
try "one that has the SM alone" same_number H_0_0_0
one=$(awk '$1 == "delta" { print $2 }' numbers)
try "knows of fewer ports, and both of fewer than there are" [ "$one" -lt "$two" -a "$two" -lt 13 ]
try "opensm is there" holds .master
