#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# A thousand services on one node, which fails; and the SM that stands by takes over.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq ibroute

count=1000
other_pid=
on_exit 'end "$other_pid"'
many_services() {
	many=0
	while [ "$many" -lt "$count" ]; do
		printf 'service "s%d" { mgid = "ff12:a01b::1:%x" nodes = {"H_1_0_0", "H_1_1_0"} }\n' "$many" $((many + 256))
		many=$((many + 1))
	done
}
all_services() { "$holdfast" services --json --socket "$socket" >all.json; }
owned_by() {	# COUNT NODE
	all_services && [ "$(jq --arg node "$2" '[.services[] | select(.owner == $node)] | length' all.json)" -eq "$1" ]
}
switch_guid() { awk -v node="$1" '/^switchguid/ { split($0, p, "="); guid = p[2] }
	$0 ~ "^Switch.*\"" node "\"" { print guid; exit }' mesh.net; }
# How many MLIDs of services lead out of that switch's port to its host, port 5 in this fabric.
lead_to() {	# COUNT SWITCH
	on_host sm ibroute -M -G "$(switch_guid "$2")" >mft || return 1
	lead_count=$(awk '/^0xc/ && substr($0, 13 + 2 * 5, 1) == "x"' mft | wc -l)
	echo "$lead_count lead there"
	[ "$lead_count" -eq "$1" ]
}
start_standby() {
	mkdir -p standby
	sed 's#^event_plugin_options.*#event_plugin_options '"$work"'/standby.plugin#; s/^sm_priority.*/sm_priority 0/' opensm.conf >standby.conf
	printf 'sminfo_polling_timeout 200\npolling_retry_number 2\n' >>standby.conf
	sed 's#/socket"#/standby.socket"#; s#/journal"#/standby.journal"#; s#/trace"#/standby.trace"#' plugin.conf >standby.plugin
	timeout --foreground -s KILL 120 env LD_PRELOAD="$umad" HF_UMAD_NODES=H_2_0_0 OSM_CACHE_DIR="$work/standby" \
		opensm -R lash -f "$work/standby.log" -F "$work/standby.conf" >standby.out 2>&1 &
	other_pid=$!
	wait_for 20 grep -q 'Entering STANDBY' standby.log
}

start_fabric || exit 99
plan 18
many_services >services.conf
try "check-config reads a thousand services" sh -c "'$holdfast' check-config services.conf | grep -q '1000 services'"
try "opensm comes up with them" start_services
try "the first node owns all" wait_for 10 owned_by "$count" H_1_0_0
try "a host joins all groups to send" member join-many ff12:a01b::1:100 "$count" 4
try "all lead to the first node" wait_for 30 lead_to "$count" S_1_0
try "none to the other" lead_to 0 S_1_1
before=$(log_count 'SUBNET UP')
unplug H_1_0_0
try "its cable is cut: the other owns all" wait_for 30 owned_by "$count" H_1_1_0
try "it took one sweep" [ "$(log_count 'SUBNET UP')" -eq $((before + 1)) ]
try "all lead to the other" wait_for 30 lead_to "$count" S_1_1
note "from the first change of owner to the last: $(jq -s 'map(select(.ev == "service" and .news == "owner" and .cause == "sm") | .at) | (max - min) / 1e6' trace) ms"
try "the journal has all" wait_for 10 sh -c "[ \"\$(grep -c '^s[0-9]* 0xc' journal)\" -eq $count ]"
try "all MLIDs differ" sh -c "[ \"\$(awk '/^s[0-9]/ { print \$2 }' journal | sort -u | wc -l)\" -eq $count ]"
stop_opensm

# Over a thousand MLIDs this is one service more.
mgid=ff12:a01b::1:100
{
	echo 'service "storage" {'
	echo '	mgid = "ff12:a01b::1:100"'
	echo '	mlid = 0xc123'
	echo '	nodes = {"H_0_1_0", "H_1_1_0", "sm"}'
	echo '}'
} >services.conf
rm -f journal
sm_priority=10
start_services
member join "$mgid" 4 >/dev/null
"$holdfast" failover --socket "$socket" storage sm
try "the SM's own node owns a service" owner_is sm
try "another SM stands by" start_standby
kill -KILL "$(pgrep -P "$osm_pid")"
wait "$osm_pid"
osm_pid=
unplug sm
socket=$work/standby.socket
try "the SM's machine dies: the standby takes over" wait_for 30 grep -q 'SUBNET UP' standby.log
member join "$mgid" 4 >/dev/null
try "and the service is on a node that is there, and on no other" wait_for 10 sh -c "'$holdfast' services --json --socket '$socket' storage | jq -e '.services[0].owner == \"H_0_1_0\"'"
try "at the same MLID" mlid_is 0xc123
on_host H_0_1_0 ibroute -M -G "$(switch_guid S_0_1)" >mft
try "the owner's switch leads to it" grep -q '^0xc123.* x' mft
end "$other_pid"
try "the standby's journal knows" grep -q "^storage 0xc123" standby.journal
