#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The Reports as they are on the wire, read by an independent decoder (tshark) and compared with what the SA answers to
# a stock client: exactly the paths that changed are told, with exactly the SA's records, to exactly their two hosts. In
# every mode a path that is lost while both its ends are there leads to trap 68 that says to wait, its return to trap
# 69.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
need tshark

# Reads the capture: one line a Report in the file reports, with these columns.
fields="lrh.dlid bth.destqp notice.trapnumberdeviceid notice.isgeneric notice.producertypevendorid notice.issuerlid
	trap.comp_mask trap.wait_for_repath mad.data"
to=1 qp=2 trap=3 generic=4 producer=5 issuer=6 mask=7 wait=8 data=9
decode() {
	set --
	for field in $fields; do
		set -- "$@" -e "infiniband.$field"
	done
	tshark -r capture.pcap -Y 'infiniband.mad.method == 0x06 && infiniband.mad.mgmtclass == 0x03' -T fields "$@" \
		>reports 2>tshark.log
}

# every COLUMN VALUE: there are Reports, and all have that value.
every() {
	every_values=$(cut -f "$1" reports | sort -u)
	note "$every_values"
	[ "$every_values" = "$2" ]
}

count_reports() { [ "$(wc -l <reports)" -eq "$1" ] && [ "$(cut -f $to reports | sort -u | wc -l)" -eq "$2" ]; }

# A record a line, in the form of sa_records. PATH_REC lies at byte 80 of the Notice, which is the SA's data, 32 bytes
# behind the MAD's common header.
notice_records() {
	cut -f $data reports | awk '{
		r = substr($1, 2 * (32 + 80) + 1, 128)
		print substr(r, 65, 16), substr(r, 33, 16), substr(r, 85, 4), substr(r, 81, 4), substr(r, 101, 4),
			substr(r, 108, 1), substr(r, 109, 2), substr(r, 111, 2), substr(r, 113, 2)
	}'
}

announced() { [ "$(grep -c '"announce_done"' trace)" -ge "$1" ]; }

start_in_mode() {
	stop_opensm >/dev/null 2>&1
	rm -f capture.pcap trace
	printf 'mode = "%s"\ntrace = "%s/trace"\ncontrol = "%s/socket"\n' "$1" "$work" "$work" >plugin.conf
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" "partition_config_file $work/partitions.conf"
}

# Who must hear of the changed paths: "LID SGUID DGUID" for each end that is a subscriber's.
must_hear() {
	awk -v host='^0268660002' '$1 ~ host && $3 != "0001" { print $3, $1, $2 }
		$2 ~ host && $4 != "0001" { print $4, $1, $2 }' changed | sort -u
}

heard() {
	notice_records >records
	cut -f $to reports | paste -d' ' - records | awk '{ printf "%04x %s %s\n", $1, $2, $3 }' | sort
}

# Two hosts, A and B, that lie in no partition together but the third one below.
a=0x268660002000401 b=0x268660002000201
everybody=0x268660002000001,0x268660002000101,0x268660002000301,0x268660002000501,ALL_SWITCHES,SELF
in_partitions() {
	sed 's/,/=full, /g; s/$/=full;/' >partitions.conf <<-END
		Without_A=0x1: $everybody,$b
		Without_B=0x2: $everybody,$a
		Both=0x3: SELF$1
	END
	echo 'Default=0x7fff: ALL=limited, SELF=full;' >>partitions.conf
}
part() { in_partitions ''; }
unite() { in_partitions ",$a,$b"; }

# Runs the rest and sweeps; what is sent for it goes to the file reports, decoded, each Report once.
after() {
	decode
	cp reports reports.before
	count=$(grep -c '"announce_done"' trace)
	sa_records >before
	"$@"
	kill -HUP "$osm_pid"
	wait_for 20 announced $((count + 1))
	sa_records >after
	decode
	tail -n +$(($(wc -l <reports.before) + 1)) reports | sort -u >reports.new
	mv reports.new reports
}
trap_only() {
	grep "$(printf '\t')$1$(printf '\t')" reports >reports.trap
	mv reports.trap reports
}
# To whom Reports of one path go, in the file expected: "LID SGUID DGUID".
must_hear_in() {	# MODE
	if [ "$1" = targeted ]; then
		awk '{ print $3, $1, $2 }' changed | sort
	else
		must_hear
	fi >expected
}

loses() {	# MODE
	after part
	comm -23 before after >changed
	if [ "$1" = off ]; then
		[ "$(wc -l <changed)" -eq 2 ] && [ ! -s reports ]
		return
	fi
	must_hear_in "$1"
	trap_only 0x0044
	heard >got
	[ "$(wc -l <changed)" -eq 2 ] && [ -z "$(comm -13 before after)" ] && diff expected got &&
		every $mask 0x000000000000000c && every $wait 0x01
}
returns() {	# MODE
	after unite
	comm -13 before after >changed
	[ "$(wc -l <changed)" -eq 2 ] && [ -z "$(comm -23 before after)" ] || return 1
	case $1 in
	off)
		[ ! -s reports ]
		;;
	wildcard | hybrid)
		count_reports 6 6 && every $trap 0x0045 && every $mask 0x0000000000000000 && every $wait 0x00
		;;
	*)
		must_hear_in "$1"
		heard >got
		diff expected got && notice_records | sort -u | diff changed - && every $trap 0x0045 &&
			every $mask 0x000000000000000c && every $wait 0x00
		;;
	esac
}
# Under "targeted" a host that leaves is one lost path for each other one, for which there is nothing to wait.
has_new() {
	decode
	tail -n +$((seen + 1)) reports | grep "$(printf '\t')$1$(printf '\t')" | sort -u >reports.new
	[ "$(wc -l <reports.new)" -ge 5 ]
}
five_hear() {	# TRAP COMMAND-OF-IBSIM
	decode
	seen=$(wc -l <reports)
	echo "$2" >&3
	wait_for 20 has_new "$1" || return 1
	grep "$(printf '\t')0x000000000000000c$(printf '\t')" reports.new >reports
	count_reports 5 5 && every $wait 0x00
}

start_fabric || exit 99
echo 'Default=0x7fff: ALL=full, SELF=full;' >partitions.conf
osm_env="HF_UMAD_CAPTURE=$work/capture.pcap"
osm_preload=$top_builddir/tests/.libs/libhflowermtu.so
plan 38

try "opensm comes up, mode repath-only" start_in_mode repath-only
try "six hosts subscribe" start_hosts
sa_records >before
try "the SA knows the paths of 7 hosts and 6 switches" [ "$(wc -l <before)" -eq 169 ]
cut_middle
try "the cut is announced" wait_for 20 announced 1
sa_records >after
comm -13 before after | of_subscribers >changed
try "some paths changed and some did not" [ "$(wc -l <changed)" -gt 0 -a "$(wc -l <changed)" -lt 169 ]
decode
notice_records | sort -u >told
try "exactly the changed paths are told, with the SA's own records" diff changed told
must_hear >expected
heard >got
try "to exactly their two hosts, each once" diff expected got
try "trap 69" every $trap 0x0045
try "generic" every $generic 0x01
try "of the class manager" every $producer 0x000004
try "issued by the SM's port" every $issuer 0x0001
try "COMP_MASK is SGID and DGID" every $mask 0x000000000000000c
try "not to wait for another repath" every $wait 0x00
try "to QP 1" every $qp 0x000001

join_middle
wait_for 20 announced 2
try "mode hybrid" start_in_mode hybrid
try "the hosts subscribe to the new opensm" restart_hosts
kill -HUP "$osm_pid"
try "a sweep that changes nothing" wait_for 20 announced 1
cut_middle
try "the cut is announced" wait_for 20 announced 2
decode
try "one Report to each host for the cut, none for the sweep" count_reports 6 6
try "trap 69" every $trap 0x0045
try "wildcard: COMP_MASK 0" every $mask 0x0000000000000000
try "and an empty path record" [ -z "$(notice_records | tr -d '0 \n')" ]

echo 'Unlink "H_2_1_0"' >&3
try "a host is lost" wait_for 20 announced 3
decode
grep "0x0044" reports >lost && mv lost reports
try "trap 68 to the five others" count_reports 5 5
try "COMP_MASK is DGID" every $mask 0x0000000000000004
try "nothing to wait for: it has left" every $wait 0x00

echo 'Link "H_2_1_0"[1] "S_2_1"[5]' >&3
join_middle
unite
for mode in targeted repath-only hybrid wildcard off; do
	start_in_mode $mode
	restart_hosts
	try "$mode: a path is lost, its ends are there" loses $mode
	try "$mode: it is back" returns $mode
	[ $mode = targeted ] || continue
	try "$mode: a host leaves, which the others need not wait for" five_hear 0x0044 'Unlink "H_2_1_0"'
	try "$mode: it is back" five_hear 0x0045 'Link "H_2_1_0"[1] "S_2_1"[5]'
done
