#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Partitions with SLs of their own, a QoS policy that limits MTU, rate and packet life by source and destination, and
# two LIDs a port: what changes for a fault, another partition or another policy is what the records that a stock
# saquery gets before and after differ in, and the Reports hold the new ones' SLs.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

announced() { [ "$(grep -c '"ev":"announce_done"' trace)" -gt "$1" ]; }
hup() { kill -HUP "$osm_pid"; }

# write_partitions SL: half of the hosts and a switch share a partition.
write_partitions() {
	cat >partitions.conf <<-END
		Default=0x7fff: ALL=limited, SELF=full;
		Everyone=0x2, sl=1: ALL=full;
		Storage=0x1, sl=$1: SELF=full, 0x268660002000001=full, 0x268660002000101=full, 0x268660002000301=full, 0x268660001000001=full;
	END
}

# write_policy SL MTU RATE LIFE: of the level for some sources and destinations; another one has but an SL.
write_policy() {
	cat >qos-policy.conf <<-END
		port-groups
		    port-group
		        name: Clients
		        port-guid: 0x268660002000001, 0x268660002000201, 0x268660002000501, 0x268660001000000
		    end-port-group
		    port-group
		        name: Servers
		        port-guid: 0x268660002000401, 0x268660002000501, 0x268660001000005
		    end-port-group
		    port-group
		        name: Archives
		        port-guid: 0x268660002000301
		    end-port-group
		    port-group
		        name: Switches
		        node-type: SWITCH
		    end-port-group
		end-port-groups
		qos-levels
		    qos-level
		        name: DEFAULT
		        sl: 0
		    end-qos-level
		    qos-level
		        name: Limited
		        sl: $1
		        mtu-limit: $2
		        rate-limit: $3
		        packet-life: $4
		    end-qos-level
		    qos-level
		        name: Answers
		        sl: 2
		    end-qos-level
		end-qos-levels
		qos-match-rules
		    qos-match-rule
		        destination: Archives
		        qos-level-name: Limited
		    end-qos-match-rule
		    qos-match-rule
		        source: Clients
		        destination: Servers
		        qos-level-name: Limited
		    end-qos-match-rule
		    qos-match-rule
		        source: Servers
		        qos-level-name: Answers
		    end-qos-match-rule
		    qos-match-rule
		        destination: Switches
		        qos-level-name: Limited
		    end-qos-match-rule
		end-qos-match-rules
	END
}

# Pairs with differing records, and what was said; hosts.log holds the Reports as "... sguid 0xG dguid 0xG dlid L sl S".
tells_it() {
	sa_records >after
	[ -s after ] || return 1
	sort before after | uniq -u | cut -d' ' -f1,2 | sort -u >really
	tail -n +$((mark + 1)) trace |
		sed -n 's/.*"path_changed".*"sguid":"0x\([0-9a-f]*\)","dguid":"0x\([0-9a-f]*\)".*/\1 \2/p' | sort -u >said
	[ -s really ] && [ "$(wc -l <really)" -lt 169 ] && diff really said
}
reports_are_the_sas() {
	tail -n +$((hosts_mark + 1)) hosts.log |
		sed -n 's/.* trap 69 .* sguid 0x\(.*\) dguid 0x\(.*\) dlid \(.*\) sl \(.*\)/0\1 0\2 \3 \4/p' |
		while read -r sguid dguid dlid sl; do
			printf '%s %s %04x %x\n' "$sguid" "$dguid" "$dlid" "$sl"
		done | sort -u >reported
	awk '{ print $1, $2, $4, $6 }' after | sort -u >answered
	[ -s reported ] && [ -z "$(comm -23 reported answered)" ]
}

remember() {
	sa_records >before
	mark=$(wc -l <trace)
	hosts_mark=$(wc -l <hosts.log)
	count=$(grep -c '"ev":"announce_done"' trace)
}
# Runs the rest, and judges what was said of it.
changes() {
	remember
	"$@"
	wait_for 20 announced "$count" && wait_for 10 tells_it && reports_are_the_sas
}
other_partition() {
	write_partitions 6
	hup
}
# drops KIND: the SL2VL tables of this kind of ports, as opensm's options name them, have VL 15 for SL 5. What is lost
# is in no record of a Report.
drops() {
	remember
	sed -i '/sl2vl/d' opensm.conf
	for kind in ca swe; do
		[ "$kind" = "$1" ] && vl=15 || vl=5
		echo "qos_${kind}_sl2vl 0,1,2,3,4,$vl,6,7,0,1,2,3,4,5,6,7" >>opensm.conf
	done
	hup
	wait_for 20 announced "$count" && wait_for 10 tells_it
}
other_policy() {
	write_policy 5 "$@"
	hup
}

# start_with ENGINE POLICY; without QoS OpenSM ignores the SLs of partitions as well.
start_with() {
	osm_engine=$1
	shift
	rm -f trace cache/*
	write_partitions 3
	write_policy 5 4 7 18
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'lmc 1' 'sweep_interval 0' \
		"partition_config_file $work/partitions.conf" 'qos TRUE' "qos_policy_file $work/$1" &&
		restart_hosts
}
with_sls() {
	sls=$(sa_records | cut -d' ' -f6 | sort -un | tr '\n' ' ')
	note "$sls"
	[ "$sls" = "$1 " ]
}

# LASH has SLs of its own, which count for more.
levels_are_answered() { [ "$1" = lash ] || with_sls '0 2 5'; }

# Between the columns the middle cable is the fast one.
mesh_edit='/"S_[02]_[01]"\[[34]\]/s/4xQDR/1xQDR/'
start_fabric || exit 99
printf 'mode = repath-only\ntrace = "%s/trace"\ntrace_paths = true\n' "$work" >plugin.conf
plan 17
try "partitions, LMC 1, minhop" start_with minhop none
try "the SA answers the partitions' SLs" with_sls '1 3'
try "a partition's SL changes" changes other_partition
try "a fast cable goes" changes cut_middle
join_middle
stop_opensm
for engine in minhop lash; do
	try "QoS policy, LMC 1, $engine" start_with $engine qos-policy.conf
	try "$engine: the SA answers the levels' SLs" levels_are_answered $engine
	try "$engine: the MTU limit changes" changes other_policy 3 7 18
	try "$engine: the rate limit changes" changes other_policy 3 2 18
	try "$engine: the packet life changes" changes other_policy 3 2 14
	if [ $engine = minhop ]; then
		try "$engine: hosts drop an SL" drops ca
		try "$engine: cables between switches drop it instead" drops swe
		try "$engine: nobody does" drops none
	fi
	stop_opensm
done
