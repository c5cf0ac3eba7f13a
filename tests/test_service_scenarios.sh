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
plan $(($# + 6))
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
