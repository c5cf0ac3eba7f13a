#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Under every routing engine the plugin finds exactly the paths whose records changed. Which those are is found out
# without it, by two whole tables from the SA. Up/down and fat-tree may fall back to minhop on a mesh. DFSSSP draws SLs
# at random where it has lanes to spare, in the SA's answers too; there hfsim soak judges, and here reading its table
# must lead to the same as drawing.
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

# DFSSSP's own table, and what is found out by drawing where it cannot be read, must tell of the same changes.
counts() { sed -n 's/.*"ev":"diff".*"changed":\([0-9]*\),"lost":\([0-9]*\),.*/\1 \2/p' trace; }
reads_table() {
	goes_through dfsssp true && ! log_says 'found out by sampling' && counts >counts.read &&
		grep -q '^[1-9]' counts.read
}
draws_the_same() {
	osm_preload="$osm_preload $top_builddir/tests/.libs/libhfrefuseread.so"
	goes_through dfsssp true && log_says 'found out by sampling' && counts | diff counts.read -
}

# The MTUs among the records that the cut and the join brought.
mtus_change() {
	[ "$(comm -3 table.old table | awk '{ print $7 }' | sort -u | wc -l)" -ge 3 ]
}

# Between the columns the middle cable is the fast one, so without it rates change as well as SLs. Within columns MTUs
# are larger.
osm_preload=$top_builddir/tests/.libs/libhflowermtu.so
osm_env=HF_LOWER_MTU_OF_LIDS=1
mesh_edit='/"S_[02]_[01]"\[[34]\]/s/4xQDR/1xQDR/'
ibsim_env="LD_PRELOAD=$top_builddir/.libs/libhfsim-sma.so HF_SMA_VLS=15"
start_fabric || exit 99
printf 'trace = "%s/trace"\ncontrol = "%s/socket"\n' "$work" "$work" >plugin.conf
plan 11
for engine in minhop updn dnup ftree dor sssp lash nue; do
	try "$engine" goes_through $engine changes_are_the_sas
	[ -z "$osm_pid" ] || stop_opensm
	[ $engine = minhop ] || continue
	try "MTUs are among what changed" mtus_change
done
try "dfsssp, its table read" reads_table
[ -z "$osm_pid" ] || stop_opensm
try "dfsssp, by drawing" draws_the_same
