#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Under every routing engine the plugin finds exactly the paths whose records changed. Which those are is found out
# without it, by two whole tables from the SA. Up/down and fat-tree may fall back to minhop on a mesh. DFSSSP draws SLs
# at random where it has lanes to spare, in the SA's answers too, so there it only has to come through.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

diffs() { grep -c '"ev":"diff"' trace; }
has_diffs() { [ "$(diffs)" -ge "$1" ]; }
last_of() { sed -n "s/.*\"ev\":\"diff\".*\"$1\":\([0-9]*\).*/\1/p" trace | tail -n 1; }
used_engine() { sed -n 's/.*"engine":"\([^"]*\)".*/\1/p' trace | tail -n 1; }

# The table before goes, the table now comes.
changed_in_sa() {
	mv table table.old
	sa_records >table
	comm -13 table.old table | wc -l
}

changes_are_the_sas() {
	count=$(changed_in_sa)
	note "$(used_engine): $count records changed"
	[ "$(wc -l <table)" -eq 169 ] && [ "$count" -gt 0 ] && [ "$(last_of changed)" -eq "$count" ]
}

goes_through() {
	rm -f trace
	osm_engine=$1
	start_opensm osmholdfast "event_plugin_options $work/plugin.conf" || return 1
	sa_records >table
	cut_middle
	wait_for 20 has_diffs 1 && "$2" || return 1
	join_middle
	wait_for 20 has_diffs 2 && "$2" || return 1
	stop_opensm
}

# Between the columns the middle cable is the fast one, so without it rates change as well as SLs.
mesh_edit='/"S_[02]_[01]"\[[34]\]/s/4xQDR/1xQDR/'
start_fabric || exit 99
printf 'trace = "%s/trace"\ncontrol = "%s/socket"\n' "$work" "$work" >plugin.conf
plan 9
for engine in minhop updn dnup ftree dor sssp lash nue; do
	try "$engine" goes_through $engine changes_are_the_sas
	[ -z "$osm_pid" ] || stop_opensm
done
try dfsssp goes_through dfsssp true
