# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# What the plugin's system tests share: a simulated 3x2 mesh with a host on each switch, opensm with the plugin on a
# host of its own ("sm"), and the subscribing hosts. To be read after tap.sh.
#
#   start_fabric                    ibsim; its console is open at descriptor 3
#   start_opensm NAME [LINE ...]    opensm with event_plugin_name NAME and further lines of its configuration
#   start_hosts [argument ...]      tests/subscriber on $mesh_hosts; its lines go to hosts.log
#   on_host NAME command ...        a program with the adapter of that host
#   log_says TEXT                   OpenSM's log holds the text
#   stop_opensm                     SIGTERM; its exit status is in $osm_rc
#   cut_middle, join_middle         the middle cable goes or comes
#   sa_records                      the paths of all 7 hosts and 6 switches, as a stock client gets them from the SA
#   of_subscribers                  those lines of sa_records that concern one of the six hosts
# $ibsim_env adds to ibsim's environment, $osm_env to opensm's, $osm_preload to its libraries. $osm_engine is the
# routing engine; $osm_console opensm's console, read from the pipe osm.in where that is "local". $mesh_edit (for sed)
# changes the fabric, $mesh_kind is another one, $mesh_hosts names the hosts.

. "$top_srcdir/tests/ibsim.sh"

need ibsim opensm saquery

mesh_hosts="H_0_0_0 H_1_0_0 H_2_0_0 H_0_1_0 H_1_1_0 H_2_1_0"
LD_LIBRARY_PATH=$top_builddir/plugin/.libs:$top_builddir/tests/.libs
IBSIM_SOCKNAME=hf-plugin-$$
OSM_CACHE_DIR=$work/cache OSM_TMP_DIR=$work
export LD_LIBRARY_PATH IBSIM_SOCKNAME OSM_CACHE_DIR OSM_TMP_DIR
osm_pid= hosts_pid=
osm_engine=lash osm_env= osm_preload= osm_console=off mesh_edit= mesh_kind='mesh 3x2 1'
mkdir -p "$work/cache"
cd "$work" || exit 99

stop_all() {
	end "$hosts_pid" "$osm_pid" "$ibsim_pid"
	hosts_pid= osm_pid= ibsim_pid=
	exec 3>&-
}
on_exit stop_all

start_fabric() {
	# shellcheck disable=SC2086  # a word an argument
	"$top_builddir/tests/topology_tool" generate $mesh_kind | sed -e "$mesh_edit" >mesh.net
	run_ibsim mesh.net
}

on_host() {
	on_host_node=$1
	shift
	timeout 60 env LD_PRELOAD="$umad" HF_UMAD_NODES="$on_host_node" "$@"
}

log_says() { grep -q -e "$1" opensm.log; }
log_count() { grep -c -e "$1" opensm.log; }

start_opensm() {
	printf 'event_plugin_name %s\nforce_log_flush TRUE\n' "$1" >opensm.conf
	shift
	for line in "$@"; do
		echo "$line" >>opensm.conf
	done
	: >opensm.log
	osm_in=/dev/null
	[ "$osm_console" != local ] || osm_in=osm.in
	# shellcheck disable=SC2086  # several settings, or none
	timeout --foreground -s KILL 300 env LD_PRELOAD="$umad $osm_preload" HF_UMAD_NODES=sm $osm_env \
		opensm -q $osm_console -R $osm_engine -f "$work/opensm.log" -F "$work/opensm.conf" \
		<"$osm_in" >opensm.out 2>&1 &
	osm_pid=$!
	wait_for 20 log_says 'SUBNET UP'
}
stop_opensm() {
	kill "$osm_pid"
	wait "$osm_pid"
	osm_rc=$?
	osm_pid=
	return "$osm_rc"
}

opensm_is_up() { kill -0 "$osm_pid"; }

start_hosts() {
	timeout --foreground 300 env LD_PRELOAD="$umad" HF_UMAD_NODES="$mesh_hosts" \
		"$top_builddir/tests/subscriber" "$@" >hosts.log 2>&1 &
	hosts_pid=$!
	# shellcheck disable=SC2086  # a word a host
	wait_for 10 grep -q "^subscribed $(printf '%s\n' $mesh_hosts | wc -l)" hosts.log
}

restart_hosts() {
	end "$hosts_pid"
	start_hosts "$@"
}

cut_middle() { echo 'Unlink "S_1_0"[4]' >&3; }
join_middle() { echo 'Link "S_1_0"[4] "S_1_1"[3]' >&3; }

# Every path, also of switches and of a port to itself, as the SA answers it now, one a line, in hexadecimal:
# SGUID DGUID SLID DLID PKEY SL MTU RATE LIFE
sa_records() {
	on_host H_0_0_0 saquery -t 20000 -p | awk '
		function guid(gid,    part, n, out, i) {
			sub(/^fe80::/, "", gid)
			n = split(gid, part, ":")
			for (i = 1; i <= n; i++)
				out = out substr("0000" part[i], length(part[i]) + 1)
			return substr("0000000000000000" out, length(out) + 1)
		}
		function hex(text) { sub(/^0x/, "", text); return tolower(text) }
		{ sub(/\.\.+/, " ") }
		{ field[$1] = $2 }
		$1 == "preference" {
			printf "%s %s %04x %04x %s %s %s %s %s\n", guid(field["sgid"]), guid(field["dgid"]),
				field["slid"], field["dlid"], hex(field["pkey"]), hex(field["sl"]), hex(field["mtu"]),
				hex(field["rate"]), hex(field["pkt_life"])
		}' | sort
}

# The SM's own host has LID 1 and does not subscribe.
of_subscribers() { awk '($1 ~ /^0268660002/ && $3 != "0001") || ($2 ~ /^0268660002/ && $4 != "0001")'; }
