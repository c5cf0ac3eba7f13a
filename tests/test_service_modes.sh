#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Services of modes switch-port and lid, as diagnostics see them: the switches' default multicast ports, LIDs, the SA.
# Three hosts of the mesh have a second port, so that the first can take the LID of a service.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

need smpquery ibswitches

# Of H_0_1_0, H_1_1_0 and H_2_1_0, each at the switch below its own.
second_ports() {
	awk '
		BEGIN { switches["S_0_0"] = "H_0_1_0"; switches["S_1_0"] = "H_1_1_0"; switches["S_2_0"] = "H_2_1_0" }
		$1 == "Switch" {
			name = $3
			gsub(/"/, "", name)
			host = switches[name]
			if (host) {
				sub(/^Switch\t[0-9]+/, "Switch\t7")
				print
				print "[7]\t\"" host "\"[2]"
				at[host] = name
				next
			}
		}
		$1 == "Hca" {
			host = $3
			gsub(/"/, "", host)
			if (host in at)
				sub(/^Hca\t1/, "Hca\t2")
		}
		{ print }
		/^\[1\]\(/ && host in at {
			guid = substr($1, 5, length($1) - 7) "02"
			print "[2](" guid ")\t\"" at[host] "\"[7]\t\t# lid 0 lmc 0 \"" at[host] "\" lid 0 4xQDR"
			delete at[host]
		}'
}

start_dual_fabric() {
	"$top_builddir/tests/topology_tool" generate mesh 3x2 1 | second_ports >mesh.net
	ibsim_env=LD_PRELOAD=$top_builddir/.libs/libhfsim-sma.so
	run_ibsim mesh.net
}

port_of_2=0x0268660002000501 port_of_1=0x0268660002000301 second_of_2=0x0268660002000502

# SERVICE MODE [LINE ...]: the services file, and opensm with it.
serve() {
	printf 'service %s {\n\tmgid = "ff12:a01b::77"\n\tmode = %s\n' "$1" "$2" >services.conf
	shift 2
	for line in "$@"; do
		printf '\t%s\n' "$line" >>services.conf
	done
	echo '}' >>services.conf
	printf 'control = "%s/socket"\nservices = "%s/services.conf"\njournal = "%s/journal"\ntrace = "%s/trace"\n' \
		"$work" "$work" "$work" "$work" >plugin.conf
	rm -f trace
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf"
}

lid_of() {
	on_host H_0_0_0 saquery -t 5000 NR 2>/dev/null | awk -v guid="$1" '
		/[ \t]lid\./ { sub(/.*\./, ""); lid = $0 + 0 }
		/port_guid/ { sub(/.*\./, ""); if (tolower($0) == guid) print lid }'
}

switch_lids() { on_host H_0_0_0 ibswitches 2>/dev/null | sed 's/.*"\(.*\)".* lid \([0-9]*\).*/\1 \2/' | sort; }

# A line for each switch: its name and its two default multicast ports.
default_ports() {
	switch_lids | while read -r name lid; do
		printf '%s %s\n' "$name" "$(on_host H_0_0_0 smpquery switchinfo "$lid" </dev/null |
			sed -n 's/^DefMcast.*Port:\.*\([0-9]*\)$/\1/p' | tr '\n' ' ' | sed 's/ $//')"
	done
}

# The mesh is small enough to say by hand where each switch must send.
funnel_to_2() {
	default_ports >ports.now
	awk '
		BEGIN {
			want["S_2_1"] = " 5 "; want["S_1_1"] = " 2 "; want["S_0_1"] = " 2 "
			want["S_2_0"] = " 4 "; want["S_1_0"] = " 2 4 "; want["S_0_0"] = " 2 4 "
		}
		{ good += index(want[$1], " " $2 " ") && $3 == 0 }
		END { exit good != 6 }' ports.now
}
funnel_to_1() {
	default_ports >ports.now
	awk '
		BEGIN {
			want["S_1_1"] = " 5 "; want["S_2_1"] = " 1 "; want["S_0_1"] = " 2 "
			want["S_1_0"] = " 4 "; want["S_2_0"] = " 1 4 "; want["S_0_0"] = " 2 4 "
		}
		{ good += index(want[$1], " " $2 " ") && $3 == 0 }
		END { exit good != 6 }' ports.now
}
sweeps() { grep -c '"ev":"subnet_up"' trace; }
has_swept() { [ "$(sweeps)" -gt "$1" ]; }

funnel_leads_to_first() { serve svc switch-port 'nodes = { H_2_1_0, H_1_1_0 }' && wait_for 10 funnel_to_2; }

# In the sweep that misses it: one SUBNET UP later all is done.
funnel_moves_in_one_sweep() {
	before=$(sweeps)
	echo 'Unlink "H_2_1_0"' >&3
	wait_for 10 has_swept "$before" && funnel_to_1 && [ "$(sweeps)" -eq $((before + 1)) ]
}

# A switch that was reset has lost everything; it comes back with its cables.
funnel_survives_reset() {
	before=$(sweeps)
	echo 'Clear "S_1_1"' >&3
	wait_for 10 has_swept "$before" || return 1
	echo 'ReLink "S_1_1"' >&3
	wait_for 20 funnel_to_1
}

funnel_survives_restart() {
	stop_opensm || return 1
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" && wait_for 10 funnel_to_1
}

funnel_ends_with_service() {
	echo >services.conf
	kill -HUP "$osm_pid"
	wait_for 10 no_funnel
}
no_funnel() { ! default_ports | grep -v ' 0 0$'; }

# Where a client that asks for the service's path is sent.
path_dlid() {
	on_host H_0_0_0 saquery -t 5000 PR --sgid-to-dgid "fe80::268:6600:200:1-ff12:a01b::77" 2>/dev/null |
		sed -n 's/^[ \t]*dlid\.*\([0-9x]*\)$/\1/p' | head -n 1
}
is_at() { [ "$(lid_of "$1")" = 200 ]; }

lid_is_at_first() { serve svc lid "lid = 200" "nodes = { $port_of_2, $port_of_1 }" && wait_for 10 is_at $port_of_2; }
path_leads_to_lid() { wait_for 5 path_is_200; }
path_is_200() { [ "$(($(path_dlid)))" -eq 200 ]; }

lid_moves_in_one_sweep() {
	second=$(lid_of $second_of_2)
	before=$(sweeps)
	echo 'Unlink "H_2_1_0"[1]' >&3
	wait_for 10 has_swept "$before" && is_at $port_of_1 && [ "$(sweeps)" -eq $((before + 1)) ] &&
		[ "$(lid_of $second_of_2)" = "$second" ] && path_is_200
}

lid_survives_restart() {
	stop_opensm || return 1
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" && wait_for 10 is_at $port_of_1
}

# Who comes back gets the LID that it had before it ever was the owner.
own_lid_returns() {
	echo 'ReLink "H_2_1_0"[1]' >&3
	wait_for 10 has_own_lid
}
has_own_lid() { [ "$(lid_of $port_of_2)" = "$own" ] && is_at $port_of_1; }

only_port_is_refused() {
	serve svc lid 'nodes = { "H_0_0_0/1" }' && wait_for 10 log_says 'has no other port in the fabric'
}

start_dual_fabric || exit 99
plan 11
try "the default multicast ports of all switches lead to the first node" funnel_leads_to_first
own=$(lid_of $port_of_2)
try "they lead to the next one in the sweep that misses it" funnel_moves_in_one_sweep
try "a switch that was reset gets them again" funnel_survives_reset
try "opensm restarted finds the owner" funnel_survives_restart
try "a service that is taken out of the file leaves nothing behind" funnel_ends_with_service
stop_opensm
echo 'ReLink "H_2_1_0"' >&3
rm -f journal
try "the service's LID is at the first node" lid_is_at_first
try "the SA sends clients of the service to its LID" path_leads_to_lid
try "the LID moves in the sweep that misses its owner, and no other LID changes" lid_moves_in_one_sweep
try "opensm restarted leaves it where it is" lid_survives_restart
try "the old owner comes back with its own LID" own_lid_returns
stop_opensm
rm -f journal
try "a port whose host has no other is refused" only_port_is_refused
stop_opensm
exit 0
