#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# "holdfast tables" against stock diagnostics on the same fabric: ibroute, smpquery, saquery and ibnetdiscover see the
# same tables, SL to VL maps, path records and cables.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm saquery ibroute smpquery ibnetdiscover jq
holdfast=$top_builddir/tools/holdfast
IBSIM_SOCKNAME=hf-tables-$$
export IBSIM_SOCKNAME
cd "$work" || exit 99

stop() {
	end "$opensm_pid" "$ibsim_pid"
	exec 3>&-
}
on_exit stop

on_sm() { HF_UMAD_NODES=sm LD_PRELOAD=$umad timeout 60 "$@"; }

start_fabric() {
	"$top_builddir/tools/hfsim" topology mesh 3x2 --sm >fabric.net && run_ibsim fabric.net
}

same() { diff "$1" "$2" && [ -s "$1" ]; }

# Every route of every switch: "switch LID port", decimal.
lft_is_ibroutes() {
	jq -r '.switches[] | .lid as $sw | .lft | to_entries[] | select(.value != 255 and .key > 0) |
		"\($sw) \(.key) \(.value)"' tables.json | sort >ours
	for lid in $(jq '.switches[].lid' tables.json); do
		on_sm ibroute "$lid" | awk -v sw="$lid" '/^0x/ { print sw, $1, $2 + 0 }'
	done | while read -r sw lid port; do
		echo "$sw $((lid)) $port"
	done | sort >theirs
	same ours theirs
}

# smpquery prints all ingress ports of one egress port: "in out vl vl ...".
sl2vl_is_smpquerys() {
	lid=$(jq '.switches[] | select(.name == "S_1_0").lid' tables.json)
	jq -r '.switches[] | select(.name == "S_1_0").sl2vl[] | select(.out == 2) |
		"\(.in) \(.vl | join(" "))"' tables.json | sort >ours
	on_sm smpquery sl2vl "$lid" 2 | tr -d ',:|' | awk '/^ports/ { printf "%s", $3; for (i = 6; i <= NF; i++)
		printf " %s", $i; print "" }' | sort >all
	join -o 2.1,2.2,2.3,2.4,2.5,2.6,2.7,2.8,2.9,2.10,2.11,2.12,2.13,2.14,2.15,2.16,2.17 ours all >theirs
	same ours theirs && grep -q '0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7' ours
}

host_sl2vl_is_smpquerys() {
	lid=$(jq '.hosts[] | select(.name == "H_1_0_0").ports[0].lid' tables.json)
	jq -r '.hosts[] | select(.name == "H_1_0_0").ports[0].sl2vl | join(" ")' tables.json >ours
	on_sm smpquery sl2vl "$lid" | tr -d ',:|' | awk '/^ports/ { for (i = 6; i <= NF; i++)
		printf "%s%s", $i, i < NF ? " " : "\n" }' >theirs
	same ours theirs
}

paths_are_saquerys() {
	jq -r '.paths[] | "\(.[0]) \(.[1]) \(.[2])"' tables.json | sort >ours
	on_sm saquery -p | tr -d '\t' | awk -F '\\.\\.+' '$1 == "dlid" { dlid = $2 } $1 == "slid" { slid = $2 }
		$1 == "sl" { print slid, dlid, $2 + 0 }' | sort >theirs
	same ours theirs && [ "$(wc -l <ours)" -eq $((13 * 13)) ]
}

# Cables of switches by GUIDs, from both ends.
links_are_ibnetdiscovers() {
	jq -r '.switches[] | .guid[2:] as $from | .links[] | "\($from) \(.port) \(.peer[2:]) \(.peer_port)"' tables.json |
		sort >ours
	on_sm ibnetdiscover | awk -F '[]["]' '/^Switch/ { from = substr($2, 3) } /^Ca/ { from = "" }
		/^\[/ && from { print from, $2, substr($4, 3), $6 }' | sort >theirs
	same ours theirs
}

plan 10
try "ibsim starts" start_fabric
try "opensm brings the subnet up" run_opensm -Q -R lash
tables() { on_sm "$holdfast" tables --json --paths >tables.json; }
try "the tables can be read" tables
try "they are JSON of version 1 with 6 switches and 7 hosts" \
	jq -e '.version == 1 and (.switches | length) == 6 and (.hosts | length) == 7' tables.json
try "forwarding tables are as ibroute sees them" lft_is_ibroutes
try "SL to VL tables of a switch are as smpquery sees them" sl2vl_is_smpquerys
try "the SL to VL table of a host, too" host_sl2vl_is_smpquerys
try "path records are as saquery sees them" paths_are_saquerys
try "cables are as ibnetdiscover sees them" links_are_ibnetdiscovers
exits_with() {
	status=$1
	shift
	on_sm "$@"
	[ $? -eq "$status" ]
}
try "a bad option is refused" exits_with 2 "$holdfast" tables --port 256
