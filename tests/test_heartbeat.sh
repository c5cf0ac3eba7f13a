#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Heartbeats, requests to the SM and state-transfer hooks, end to end: three holdfastds, a stock opensm with the plugin
# and a stock ibsim. Owners are read from the switches' tables, who thinks what from the daemons' control sockets.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"
. "$top_srcdir/tests/services.sh"
need jq

holdfastd=$top_builddir/tools/holdfastd
client=$top_builddir/tests/control_client
replay=$top_builddir/tests/service_replay
nodes="H_1_0_0 H_1_1_0 H_2_1_0"
A=H_1_0_0 B=H_1_1_0 C=H_2_1_0
pids=
# shellcheck disable=SC2154,SC2086  # of those that may be stopped
on_exit 'for pid in $pids; do kill -CONT "$pid"; end "$pid"; done'

# The port GUIDs as the plugin knows them.
nodes_by_plugin() { "$holdfast" services --json --socket "$socket" storage | jq '.services[0].nodes[]'; }
port_guid() { nodes_by_plugin | jq -r --arg node "$1" 'select(.name == $node) | .guid'; }

pid_of() { eval "echo \"\$pid_$1\""; }
guid() { eval "echo \"\$guid_$1\""; }

# What a hook does is in NODE.hook: "ok", "fail" or "hang"; what it was run for goes to NODE.ran.
write_node() {	# NODE
	write_peers=
	for write_peer in $nodes; do
		[ "$write_peer" = "$1" ] || write_peers="$write_peers${write_peers:+, }\"$(guid "$write_peer")\""
	done
	cat >"$1.hook.sh" <<-END
		#!/bin/sh
		echo "\$1 \$2 \$HF_TERM" >>"$work/$1.ran"
		case \$1-\$(cat "$work/$1.hook") in
		drain-*) echo "connections 3"; sleep 0.3; echo "connections 0" ;;
		give-fail | take-fail) exit 3 ;;
		give-hang | take-hang) sleep 1000 & echo \$! >"$work/$1.child"; wait ;;
		esac
	END
	chmod +x "$1.hook.sh"
	echo ok >"$1.hook"
	: >"$1.ran"
	cat >"$1.services" <<-END
		service "storage" {
			peers = {$write_peers}
			key_file = "$work/key"
			hook = "$work/$1.hook.sh"
			hook_limit_ms = 1000
		}
	END
	printf 'socket = "%s"\nservices = "%s"\ntrace = "%s"\n' "$work/$1.socket" "$work/$1.services" "$work/node.trace" \
		>"$1.conf"
}

start_node() {	# NODE
	LD_PRELOAD=$umad HF_UMAD_NODES=$1 HF_UMAD_CAPTURE=$work/$1.pcap \
		"$holdfastd" -f -c "$work/$1.conf" >>"$1.log" 2>&1 &
	eval "pid_$1=$!"
	pids="$pids $!"
	wait_for 10 test -S "$1.socket"
}

ask() { "$client" "$work/$1.socket" ask '{"get": "services"}'; }
node_says() {	# NODE JQ-EXPRESSION, of the object of its service
	ask "$1" | jq ".services[0] | $2" | grep -qx true
}
role_is() { node_says "$1" ".role == \"$2\""; }
hears_all() { node_says "$1" '(.peers | length) == 2 and all(.peers[]; .state == "alive")'; }
all_hear() { for hear_node in $nodes; do hears_all "$hear_node" || return 1; done; }
agreed() {	# OWNER: every node that runs knows it, at the plugin's term
	agreed_term=$(term_now)
	for agreed_node in $nodes; do
		[ -e "$agreed_node.stopped" ] && continue
		agreed_role=standby
		[ "$agreed_node" = "$1" ] && agreed_role=owner
		node_says "$agreed_node" ".role == \"$agreed_role\" and .term == $agreed_term" || return 1
	done
}
all_agree() {
	wait_for 10 agreed "$1" && return
	for agree_node in $nodes; do [ -e "$agree_node.stopped" ] || ask "$agree_node"; done
	return 1
}
moves() { "$holdfast" services --json --socket "$socket" storage | jq -r '.services[0].moves'; }
moved() { [ "$(moves)" -eq "$1" ]; }
unplug() { echo "Unlink \"$1\"[1]" >&3; }
plug() { echo "ReLink \"$1\"[1]" >&3; }
freeze() { kill -STOP "$(pid_of "$1")"; : >"$1.stopped"; }
thaw() { kill -CONT "$(pid_of "$1")"; rm -f "$1.stopped"; }
counter() { ask "$1" | jq -r ".services[0].counters.$2"; }
grew() { [ "$(counter "$1" "$2")" -gt "$3" ]; }
fail_over() { "$holdfast" failover --socket "$socket" storage "$1"; }
fail_back() { "$holdfast" failback --socket "$socket" storage; }
ran() { grep -q "^$2 storage" "$1.ran"; }
trace_has() { grep -q "$1" trace; }
sm_says() {	# NODE JQ-EXPRESSION, of what that node said to the SM
	nodes_by_plugin | jq --arg node "$1" "select(.name == \$node) | .report | $2" | grep -qx true
}
sm_prints() { "$holdfast" services --socket "$socket" storage | grep "$1"; }
lid_of() { nodes_by_plugin | jq -r --arg node "$1" 'select(.name == $node) | .lid'; }

(umask 077 && od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >key)
# Stock ibsim waits for a client that stands still, and everybody with it.
ibsim_env=LD_PRELOAD=$top_builddir/.libs/libhfsim-sma.so
start_fabric || exit 99
write_services 'detection = {"sm", "heartbeat", "operator"}' "key_file = \"$work/key\"" 'state_transfer = true' \
	'hook_limit_ms = 2000' 'drain_limit_ms = 2000' 'failback = manual'

plan 53
try "opensm comes up with a service that has a key" start_services
try "a sender joins" member join $mgid 4
try "its first node owns it" owner_is $A
for node in $nodes; do
	eval "guid_$node=$(port_guid "$node")"
	note "$node: $(guid "$node")"
done
try "no node has said anything to the SM yet" sm_says $B '. == null'
for node in $nodes; do write_node "$node"; done
start_nodes() { for start_one in $nodes; do start_node "$start_one" || return 1; done; }
try "three holdfastds start" start_nodes
[ "$tap_failed" -eq 0 ] || exit 1
try "they hear each other" wait_for 20 all_hear
try "and know what the SM knows" all_agree $A
try "the SM shows when it heard them" wait_for 5 sm_says $B \
	".heard_ms >= 0 and .term == $(term_now) and .connections == -1 and .order == \"none\" and (.behind | not)"
try "also as text" sm_prints "^    heard [0-9]* ms ago, knows term $(term_now)\$"
try "their times are those of the SM's file" node_says $B '.interval_ms == 100 and .count == 3 and .beating'
try "the owner's hook was told" wait_for 5 ran $A owner
try "a standby's, too" wait_for 5 ran $B standby

moves_before=$(moves)
term_before=$(term_now)
freeze $A
try "the owner's daemon stands still: the service moves" wait_for 5 moved $((moves_before + 1))
try "packets reach the next one alone" owner_is $B
try "who runs knows it" all_agree $B
try "the term is higher" [ "$(term_now)" -gt "$term_before" ]
try "a peer was believed" trace_has '"service_peer_failed".*"result": *"ok"'
thaw $A
try "the old owner learns that he is none any more" all_agree $B
try "and is heard again" wait_for 10 all_hear
try "it moved once" moved $((moves_before + 1))

try "back by the operator, with hooks on both nodes" fail_back
try "packets reach the first node again" owner_is $A
try "all know it" all_agree $A
try "the owner was to give" ran $B give
try "the first node was to take" ran $A take
try "and the owner's connections ended before" ran $B drain
try "the SM shows how many are left" wait_for 5 sm_says $B '.connections == 0'

# All that was ever said, once more. A copy: the daemons still write.
cp $B.pcap said.pcap
moves_before=$(moves)
repeated_before=$(counter $A heartbeats_repeated)
replay_heartbeats() { on_host $B "$replay" said.pcap heartbeat "$(guid $B)" "$(lid_of $A)" >replayed; }
try "recorded heartbeats are sent again, from their own port" replay_heartbeats
# Half of them were for the third node.
try "and refused" wait_for 5 grew $A heartbeats_repeated $((repeated_before + $(<replayed) / 3))
try "recorded requests are sent again to the SM" on_host $B "$replay" said.pcap request "$(guid $B)" 1 3
try "and from another port" on_host $C "$replay" said.pcap request "$(guid $B)" 1 3
try "nothing moves" [ "$(moves)" -eq "$moves_before" ]
try "all still agree" all_agree $A

# A peer and the SM see the same failure.
freeze $A
unplug $A
try "daemon and cable go at once: the service moves" owner_is $B
sweep
try "all who run know it" all_agree $B
try "it moved once" moved $((moves_before + 1))
plug $A
thaw $A
sweep
try "all are back" wait_for 20 all_hear

echo fail >$B.hook
moves_before=$(moves)
: >$B.ran
try "back, but the owner's hook fails" fail_back
try "the hook was run" wait_for 5 ran $B give
try "and told to resume" wait_for 5 ran $B resume
try "the SM shows how far it is" wait_for 5 sm_says $B '.order == "resume" and .progress == "done"'
try "the service stays" owner_is $B
echo hang >$B.hook
rm -f $B.child
: >$B.ran
fail_back >/dev/null
wait_for 5 test -s $B.child
hook_child=$(cat $B.child)
is_gone() { ! kill -0 "$hook_child"; }
try "a hook that exceeds its limit is killed, with its children" wait_for 5 is_gone
try "the SM hears of it" wait_for 5 node_says $B '.order == "resume"'
try "the service stays" owner_is $B
try "in all of that it never moved" [ "$(moves)" -eq "$moves_before" ]

# Another services file.
echo ok >$B.hook
log_of() { grep -q "$2" "$1.log"; }
hang_up() { kill -HUP "$(pid_of "$1")"; }
edit() {	# NODE SED-SCRIPT
	cp "$1.services" "$1.services.old" && sed "$2" "$1.services.old" >"$1.services" && hang_up "$1"
}
heard_before=$(counter $B heartbeats_heard)
edit $B 's/hook_limit_ms = .*/hook_limit_ms = never/'
try "a bad services file is refused" wait_for 5 log_of $B 'reload refused, the old services stay'
try "with its line and what is allowed" log_of $B 'services:5: hook_limit_ms = never: allowed is 10 to 86400000'
try "the service goes on" wait_for 5 grew $B heartbeats_heard "$heard_before"
edit $B 's/hook_limit_ms = never/hook_limit_ms = 1000/'
try "one that is as before is read" wait_for 5 log_of $B 'services reloaded'
try "and disturbs nothing" grew $B heartbeats_heard "$heard_before"
edit $B 's/hook_limit_ms = .*/count = 7/; s/key_file.*/& interval_ms = 60/'
try "another one is used" wait_for 5 node_says $B '.interval_ms == 60 and .count == 7'
try "all hear each other" wait_for 20 all_hear
