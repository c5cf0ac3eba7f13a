#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Sweeps that do not go as they should: forwarding tables that do not reach a switch, or that it refuses, are not
# announced, and what follows makes up for it; several faults at once, which cut sweeps off, are all told and nothing
# else is. What really changed is found out by whole tables of the SA, what the switches held by the SMPs on the wire.
# HF_SEED repeats a run.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need tshark

bursts=30
seed=${HF_SEED:-$(date +%s)}
note "HF_SEED=$seed"

# 0 to $1 - 1, in $drawn: a linear congruential generator, so that the seed says it all
random() {
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	drawn=$((seed / 65536 % $1))
}

count_of() { grep -c -e "$1" trace; }
more_of() { [ "$(count_of "$1")" -gt "$2" ]; }
hup() { kill -HUP "$osm_pid"; }

# Runs the rest until the trace has one more event like $1: OpenSM forgets what it is told while it sweeps.
until_next() {
	next_event=$1
	next_count=$(count_of "$1")
	shift
	for _ in $(seq 20); do
		"$@"
		wait_for 1 more_of "$next_event" "$next_count" && return 0
	done
	return 1
}
swept='"ev":"subnet_up"' told='"ev":"announce_done"' compared='"ev":"diff"' withheld='"written":false'

# What was said since line $1 of the trace: "sguid dguid" a line.
said_since() {
	tail -n +$(($1 + 1)) trace |
		sed -n 's/.*"ev":"path_changed".*"sguid":"0x\([0-9a-f]*\)","dguid":"0x\([0-9a-f]*\)".*/\1 \2/p'
}

remember() {
	sa_records >before
	mark=$(wc -l <trace)
	hosts_mark=$(wc -l <hosts.log)
}

# Where OpenSM lost sight of its own port (a busy machine is enough), it begins anew, and all who are there must ask.
began_anew() { tail -n +$((mark + 1)) trace | grep '"ev":"routing_done".*"first":true' >anew; }
told_to_ask() { tail -n +$((hosts_mark + 1)) hosts.log | grep 'trap 69 mask 0x0 ' | cut -d' ' -f1 | sort -u | wc -l; }
all_asked_anew() { [ "$(told_to_ask)" -ge "$(tail -n 1 anew | sed 's/.*"subscribers":\([0-9]*\).*/\1/')" ]; }

# The pairs that differ are those that were said since remember(). One that was said twice may have changed back.
told_all_and_no_more() {
	sa_records >after
	[ -s after ] || return 1
	if began_anew; then
		note "opensm began anew"
		wait_for 10 all_asked_anew
		return
	fi
	cat before after | sort | uniq -u | cut -d' ' -f1,2 | sort -u >really
	said_since "$mark" | sort >said
	sort -u said >said.once
	sort said | uniq -d >said.twice
	comm -23 really said.once >missed
	comm -13 really said.once | comm -23 - said.twice >false
	note "$(wc -l <really) pairs changed, $(wc -l <missed) missed, $(wc -l <false) false"
	[ ! -s missed ] && [ ! -s false ]
}
some_changed() { [ -s really ]; }
nothing_was_told() { ! tail -n +$((mark + 1)) trace | grep -e "$compared" -e '"ev":"report_sent"'; }

lose_lfts() { echo 'Error "S_1_1" 100 25' >&3; }
keep_lfts() { echo 'Error "S_1_1" 0 0' >&3; }
refuse_lfts() { : >refuse; }
accept_lfts() { rm -f refuse; }
# No SUBNET UP follows.
reroute() { echo reroute >&4; }

# The middle cable goes, but a switch has not the tables for it.
withholds() {
	remember
	"$1"
	until_next "$withheld" cut_middle && until_next "$swept" hup && nothing_was_told
}
# $1 ends what kept the tables away, $2 has them written again.
makes_up() {
	"$1"
	until_next "$told" "$2" && told_all_and_no_more && some_changed
}
withholds_reroute() { until_next "$withheld" reroute && nothing_was_told; }

# A node's PortInfo is lost, so OpenSM has to do without it, and says so; then it is found again.
errs() {
	remember
	echo "Error \"$1\" 100 21" >&3
	until_next "$swept" hup && log_says 'ERRORS DURING INITIALIZATION' && told_all_and_no_more && some_changed
}
mends() {
	remember
	echo "Error \"$1\" 0 0" >&3
	swept_twice && told_all_and_no_more && some_changed
}

# The cable is back before the routing without it was announced: nothing differs from what was announced last, but hosts
# may have asked in between.
asks_all() {
	hosts_mark=$(wc -l <hosts.log)
	accept_lfts
	join_middle
	until_next "$told" hup && wait_for 10 all_are_told_to_ask
}
all_are_told_to_ask() { [ "$(told_to_ask)" -eq 6 ]; }

# All cables but those of the SM and of the host that asks: "NODE"[PORT] "NODE"[PORT]
list_cables() {
	sed -n -e 's/^Switch.*\("S_[^"]*"\)\t.*/\1/p' -e 's/^\(\[[0-9]*\]\)\t\("[^"]*"\[[0-9]*\]\).*/\1 \2/p' mesh.net |
		awk '/^"S/ { from = $1 } /^\[/ && from < $2 || /"H_/ { print from $1, $2 }' | grep -v -e '"sm"' -e H_0_0_0 >cables
}

# Turns a cable over: one that is there goes, another comes.
turn() {
	cable=$(sed -n "$1p" cables)
	if [ -e "cut.$1" ]; then
		rm "cut.$1"
		echo "Link $cable"
	else
		: >"cut.$1"
		echo "Unlink ${cable%% *}"
	fi
}

swept_twice() { until_next "$swept" hup && until_next "$swept" hup; }

# Two to five cables at once, in the middle of a sweep, where in every third one a switch loses most of its tables.
burst() {
	remember
	random 3
	[ "$drawn" -ne 0 ] || echo 'Error "S_1_1" 80 25' >&3
	random 4
	left=$((drawn + 2))
	while [ "$left" -gt 0 ]; do
		random "$n_cables"
		turn $((drawn + 1))
		left=$((left - 1))
	done >commands
	cat commands
	hup
	cat commands >&3
	until_next "$swept" hup || return 1
	keep_lfts
	swept_twice && told_all_and_no_more
}
bursts_are_told() {
	changed=0
	for burst in $(seq "$bursts"); do
		: >really
		burst || { echo "burst $burst"; cat missed false; return 1; }
		changed=$((changed + $(wc -l <really)))
	done
	note "$changed pairs changed in all"
	[ "$changed" -gt 0 ]
}

# The first Report of each routing on the wire, and when the switches had acknowledged the tables of that routing, which
# are those that were sent between the routing before and it. A line each: "EPOCH REPORTS MICROSECONDS", from the last
# acknowledgement on, "-" for no tables; "early" where one was missing.
held_before_reports() {
	sed -n 's/.*"t":\([0-9]*\),.*"ev":"routing_done","epoch":\([0-9]*\),.*/\2 \1/p' trace >routings
	# The epoch lies at byte 20 of what the IBA reserves, that at byte 19 of the Notice, that at byte 32 of the
	# data.
	tshark -r capture.pcap -Y 'infiniband.mad.attributeid == 0x19 || (infiniband.mad.method == 6 &&
		infiniband.mad.mgmtclass == 3)' -T fields -e frame.time_epoch -e infiniband.mad.method \
		-e infiniband.mad.status -e infiniband.mad.transactionid -e infiniband.mad.data 2>tshark.log |
		awk -F '\t' '
		FILENAME == "routings" { split($0, routing, " "); end[routing[1]] = routing[2] / 1e9; next }
		$2 == "0x02" { if (!($4 in sent)) sent[$4] = $1 }
		# The top bit of the status says that it came back.
		$2 == "0x81" && ($3 == "0x0000" || $3 == "0x8000") { if (!($4 in held)) held[$4] = $1 }
		$2 == "0x06" && substr($5, 2 * 51 + 1, 4) == "4846" {
			hex = substr($5, 2 * 71 + 1, 16)
			epoch = 0
			for (i = 1; i <= 16; i++)
				epoch = epoch * 16 + index("123456789abcdef", substr(hex, i, 1))
			# Between two routings: the first of two Reports of the second.
			epoch += epoch % 2
			if (reports[epoch]++)
				next
			since = 0
			for (tid in sent) {
				if (sent[tid] <= end[epoch - 2] || sent[tid] > end[epoch])
					continue
				sets++
				if (!(tid in held))
					early[epoch] = 1
				else if (held[tid] > since)
					since = held[tid]
			}
			after[epoch] = since ? int(($1 - since) * 1e6) : "-"
		}
		END {
			for (epoch in reports)
				print epoch, reports[epoch], epoch in early || !(epoch in end) ? "early" : after[epoch]
			print "sets", sets + 0
		}' routings - >held
	note "$(grep -c '^[0-9]' held) routings were told, $(sed -n 's/^sets //p' held) tables were sent for them"
	sort -n held
	[ "$(grep -c '^[0-9].* [0-9]' held)" -ge 10 ] && ! grep early held
}

start_fabric || exit 99
list_cables
n_cables=$(wc -l <cables)
printf 'mode = targeted\ntrace = "%s/trace"\ntrace_paths = true\n' "$work" >plugin.conf
osm_preload=$top_builddir/tests/.libs/libhfrefuselft.so
osm_env="HF_REFUSE_LFT=$work/refuse HF_UMAD_CAPTURE=$work/capture.pcap"
osm_console=local
mkfifo osm.in
# Both ends: opening one alone waits for the other.
exec 4<>osm.in
plan 18
try "opensm comes up" start_opensm osmholdfast "event_plugin_options $work/plugin.conf" 'transaction_timeout 100' \
	'sweep_interval 0'
try "six hosts subscribe" start_hosts
try "there are 7 cables and 5 hosts to break" [ "$n_cables" -eq 12 ]
try "tables that are lost on the way are not announced" withholds lose_lfts
try "but in the next sweep" makes_up keep_lfts hup
join_middle
try "and the cable is back" until_next "$told" hup
try "tables that a switch refuses are not announced" withholds refuse_lfts
try "nor are they when it refuses them once more" withholds_reroute
try "but when it takes them, without SUBNET UP" makes_up accept_lfts reroute
join_middle
try "and the cable is back" until_next "$told" hup
try "a cable goes, and a switch refuses the tables" withholds refuse_lfts
try "it is back before that was announced: all hosts are told to ask" asks_all
swept_twice
try "a sweep ends with errors as a host does not answer: what is lost is told" errs H_1_1_0
try "and what is back" mends H_1_1_0
try "so it is with a switch" errs S_1_1
try "and what is back" mends S_1_1
try "$bursts bursts of faults: all that changed is told, and nothing else" bursts_are_told
try "each was told after the switches had acknowledged every table of it" held_before_reports
