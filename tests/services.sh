# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# What the tests of services share, over plugin.sh: one service on three nodes of the mesh, a sender on a fourth.
#
#   write_services [LINE ...]    services.conf with service "storage" and further lines in its section
#   start_services [LINE ...]    opensm with the plugin, and further lines of osmholdfast.conf
#   member ARGUMENT ...          tests/mcast_member on the sender's host
#   watch_traps                  traps 66 and 67 go to watch.log from here on
#   owner_is NODE                the plugin says so, and by the switches' tables packets reach NODE alone
#   unplug NODE, plug NODE       its cable
# Guids are in $guid_A etc.; $mgid, $mlid are the service's.

member_tool=$top_builddir/tests/mcast_member
holdfast=$top_builddir/tools/holdfast
socket=$work/socket
mgid=ff12:a01b:fe80::abcd
mlid=0xc123
sender=H_0_0_0
watch_pid=
on_exit 'end "$watch_pid"'

# "S_1_0" and the port to its host
switch_of() { echo "$1" | sed 's/^H_\(.*\)_0$/S_\1/'; }
port_line() { awk -v node="$1" '$0 ~ "^Hca.*\"" node "\"" { in_node = 1; next } /^(Hca|Switch)/ { in_node = 0 }
	in_node && /^\[1\]/ { print; exit }' mesh.net; }
guid_of() { awk -v node="$1" '/^caguid/ { split($0, p, "="); guid = p[2] }
	$0 ~ "^Hca.*\"" node "\"" { sub(/#.*/, "", guid); printf "0x%s\n", substr("0000000000000000" substr(guid, 3), length(guid) - 1) ; exit }' mesh.net; }

write_services() {
	{
		echo 'service "storage" {'
		echo "	mgid = \"$mgid\""
		echo "	mlid = $mlid"
		echo '	nodes = {"H_1_0_0", "H_1_1_0", "H_2_1_0"}'
		echo '	hold_down_ms = 200'
		for services_line in "$@"; do echo "	$services_line"; done
		echo '}'
	} >services.conf.new
	mv services.conf.new services.conf
}

start_services() {
	printf 'control = "%s"\nservices = "%s"\njournal = "%s"\ntrace = "%s"\n' "$socket" "$work/services.conf" \
		"$work/journal" "$work/trace" >plugin.conf
	for services_line in "$@"; do echo "$services_line" >>plugin.conf; done
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'sweep_interval 0' \
		"sm_priority ${sm_priority:-0}"
}

member() { on_host "$sender" "$member_tool" "$@"; }

watch_traps() {
	end "$watch_pid"
	timeout --foreground 300 env LD_PRELOAD="$umad" HF_UMAD_NODES=H_0_1_0 "$member_tool" watch >watch.log 2>&1 &
	watch_pid=$!
	wait_for 10 grep -q '^watching' watch.log
}

# The hosts that a packet to the MLID reaches from the sender, by the tables that the switches hold now: in order, each
# as often as it gets the packet.
reached() {
	: >tables
	for reached_switch in S_0_0 S_1_0 S_2_0 S_0_1 S_1_1 S_2_1; do
		reached_guid=$(awk -v node="$reached_switch" '/^switchguid/ { split($0, p, "="); guid = p[2] }
			$0 ~ "^Switch.*\"" node "\"" { print guid; exit }' mesh.net)
		echo "switch $reached_switch" >>tables
		on_host sm ibroute -M -G "$reached_guid" >>tables 2>&1 || return 1
	done
	awk -v from="$sender" -v mlid="$mlid" '
		FNR == NR && /^(Switch|Hca)/ { split($0, part, "\""); here = part[2]; next }
		FNR == NR && /^\[/ {
			split($0, part, /[]["]+/)	# [1]	"S_1_0"[2]
			peer[here, part[2]] = part[4]; peer_port[here, part[2]] = part[5]
			next
		}
		FNR == NR { next }
		$1 == "switch" { here = $2; next }
		$1 == mlid {
			for (i = 13; i <= length($0); i++)
				if (substr($0, i, 1) == "x")
					out[here, (i - 13) / 2] = 1
		}
		function flood(node, port,    p) {
			if (node ~ /^H_|^sm/) { print node; return }
			if (seen[node, port]++) return
			for (p = 1; p < 8; p++)
				if (p != port && (node, p) in out && (node, p) in peer)
					flood(peer[node, p], peer_port[node, p])
		}
		END { flood(peer[from, 1], peer_port[from, 1]) }' mesh.net tables | grep -v "^$sender\$" | sort
}
owner_by_plugin() { "$holdfast" services --json --socket "$socket" storage | jq -r '.services[0].owner'; }
state_is() { [ "$("$holdfast" services --json --socket "$socket" storage | jq -r '.services[0].state')" = "$1" ]; }
term_now() { "$holdfast" services --json --socket "$socket" storage | jq -r '.services[0].term'; }
is_owner() {
	[ "$(owner_by_plugin)" = "$1" ] && [ "$(reached | tr '\n' ' ')" = "$1 " ]
}
owner_is() {
	wait_for 5 is_owner "$1" && return
	echo "the plugin says $(owner_by_plugin), packets reach: $(reached | tr '\n' ' ')"
	[ -z "${HF_TABLES:-}" ] || cat tables
	return 1
}
unplug() { echo "Unlink \"$1\"[1]" >&3; }
plug() { echo "Link \"$1\"[1] $(port_line "$1" | sed 's/^[^"]*//; s/[[:space:]]*#.*//')" >&3; }
swept() {	# the number of SUBNET UPs so far is more than $1
	[ "$(log_count 'SUBNET UP')" -gt "$1" ]
}
sweep() {
	sweep_before=$(log_count 'SUBNET UP')
	kill -HUP "$osm_pid"
	wait_for 20 swept "$sweep_before"
}
mlid_is() { member path "$mgid" | grep -q "^dlid $1 "; }
