#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Who may ask and who may act on the plugin's control socket, by the groups of the user who connects.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq setpriv

[ "$(id -u)" -eq 0 ] || skip "only root may become other users"
read_gid=$(getent group nogroup | cut -d: -f3)
act_gid=$(getent group daemon | cut -d: -f3)
as() {	# STATUS "SETPRIV OPTIONS" COMMAND ...
	as_expected=$1 as_options=$2
	shift 2
	# shellcheck disable=SC2086  # several options
	setpriv --reuid=65534 $as_options "$holdfast" "$@" --socket "$socket" >out 2>&1
	as_rc=$?
	cat out
	[ "$as_rc" -eq "$as_expected" ]
}
plain() { echo "--regid=$1 --clear-groups"; }

start_fabric || exit 99
chmod 711 "$work"
plan 11
write_services
try "opensm comes up" start_services 'control_read_group = nogroup' 'control_act_group = daemon'
member join "$mgid" 4 >/dev/null
try "who is in no group may not ask" as 4 "$(plain 12345)" services
try "and is told so" grep -q 'may not ask' out
try "the reading group may ask" as 0 "$(plain "$read_gid")" services
try "but not act" as 4 "$(plain "$read_gid")" failover storage
try "so nothing moved" owner_is H_1_0_0
try "the acting group may act" as 0 "$(plain "$act_gid")" failover storage H_2_1_0
try "also as a further group" as 0 "--regid=12345 --groups=$act_gid" failback storage
try "who acted stands in the log" log_says 'user nobody (uid 65534, pid [0-9]*) said: failover storage H_2_1_0: done'
try "and who tried to" log_says 'user nobody .* said: failover storage: .*may not do this'
stop_opensm
start_services 'control_read_group = "no such group"'
try "a group that is not there: no socket, and why" log_says 'there is no group "no such group"'
