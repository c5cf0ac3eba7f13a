#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Services on a simulated fabric, with a sender that never stops: every scenario of them holds, nothing goes round in a
# circle, and what must not pass does not.
. "$top_srcdir/tests/tap.sh"

need ibsim opensm jq
hfsim=$top_builddir/tools/hfsim
HF_SCENARIO_DIR=$top_srcdir/sim/scenarios
TMPDIR=$work
export HF_SCENARIO_DIR TMPDIR
cd "$work" || exit 99

passes() { timeout 200 "$hfsim" run "$@" --json result.json >out 2>&1 || { cat out; return 1; }; }
holds() { jq -e "$1" result.json >/dev/null || { jq . result.json; return 1; }; }
fails_with() {
	timeout 200 "$hfsim" run "$1" >out 2>&1
	[ $? -eq "$2" ] && grep -q -e "$3" out || { cat out; return 1; }
}

set -- "$HF_SCENARIO_DIR"/service-*.conf
plan $(($# + 10))
for file; do
	name=${file##*/}
	try "${name%.conf}" passes "${name%.conf}"
done

passes service-failover
try "the report says for how long nobody received" grep -q 'service storage: nobody received for [0-9.]* ms; [1-9]' out
try "the timeline says when and where the service was heard again" \
	grep -q 'service storage is heard at H_1_1_0\[1\], after [1-9][0-9]* packets lost' out
try "the numbers are those of packets that were really sent and received" \
	holds '.packets_sent > 500 and .packets_lost > 0 and .packets_lost < .packets_sent and
		.faults[0].services[0].ms_silent > 0 and .faults[0].services[0].ms_moved > 0'

passes service-heartbeat
try "the owner's hook runs at the failover" \
	grep -q 'H_1_1_0 has run the hook of service storage: owner, ok' out
gives_then_takes() {
	awk '/^back-to-first$/ { is_back = 1 }
		is_back && / has run the hook .*: (give|take|owner),/ { print $2, $(NF - 1), $NF }' out >ran
	printf '%s\n' 'H_1_1_0 give, ok' 'H_2_1_0 take, ok' 'H_2_1_0 owner, ok' | cmp - ran
}
try "both hooks run at the failback, the giver's first" gives_then_takes

# Nothing is given, so take fails.
cp "$HF_SCENARIO_DIR"/service-heartbeat.* .
sed -i 's/^give).*/give) ;;/' service-heartbeat.hook
sed -i 's/back-to-first.services_moved = 1/back-to-first.services_moved = 0/' service-heartbeat.conf
try "a hook that fails keeps the service where it is" passes ./service-heartbeat.conf
try "and the timeline says so" grep -q "H_2_1_0 has run the hook of service storage: take, failed, status 1" out

# The same story without the plugin's services: the node dies, and nobody takes over.
cp "$HF_SCENARIO_DIR"/service-failover.* .
sed -i 's/nodes = .*/nodes = { H_2_1_0 }/' service-failover.services
sed -i '/^fault node-is-back/,$d; s/^watchdog.*//' service-failover.conf
{ echo 'watchdog_s = 15'; cat service-failover.conf; } >alone.conf
echo 'must = { "services_silent = 0" }' >>alone.conf
try "a service with one node stays silent when that dies" fails_with ./alone.conf 1 'timed out while waiting for quiet'

sed -i 's/H_2_1_0/H_9_9_9/' service-failover.services
try "a node that the fabric does not have is refused" fails_with ./alone.conf 1 'node H_9_9_9: allowed is an adapter'
echo 'service x { mode = nothing }' >service-failover.services
try "so is a services file with an error, with its line" \
	fails_with ./alone.conf 1 'service-failover.services:1: mode = nothing'
exit 0
