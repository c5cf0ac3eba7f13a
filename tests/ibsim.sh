# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# What the tests on a simulated fabric share; to be read after tap.sh.
#
#   run_ibsim NET [option ...]   a stock ibsim with that fabric, as $ibsim_pid; its console is open at descriptor 3
#   run_opensm [option ...]      a stock opensm on node "sm", as $opensm_pid, until SUBNET UP
#   end PID ...                  SIGTERM; each is the timeout(1) of a program, which passes it on. An opensm whose ibsim
#                                is gone does not end by itself: hence -k with timeout.
# $ibsim_env and $opensm_env add to their environments. ibsim.log, opensm.log, opensm.conf and the fifo console are in
# the current folder.

umad=$top_builddir/.libs/libhfsim-umad.so
ibsim_pid='' ibsim_env='' opensm_pid='' opensm_env=''

end() {
	for end_pid in "$@"; do
		[ -n "$end_pid" ] || continue
		kill "$end_pid" 2>/dev/null
		wait "$end_pid" 2>/dev/null
	done
}

run_ibsim() {
	rm -f console
	mkfifo console
	# shellcheck disable=SC2086 # a word a setting
	timeout -k 10 900 env $ibsim_env ibsim -s "$@" <console >ibsim.log 2>&1 &
	ibsim_pid=$!
	exec 3>console
	wait_for 20 grep -q 'Network simulator ready' ibsim.log
}

subnet_is_up() { grep -q 'SUBNET UP' opensm.log; }

run_opensm() {
	mkdir -p cache
	echo 'force_log_flush TRUE' >opensm.conf
	: >opensm.log
	# shellcheck disable=SC2086 # a word a setting
	timeout -k 10 900 env OSM_CACHE_DIR="$PWD/cache" OSM_TMP_DIR="$PWD" HF_UMAD_NODES=sm LD_PRELOAD="$umad" \
		$opensm_env opensm "$@" -f "$PWD/opensm.log" -F "$PWD/opensm.conf" >opensm.out 2>&1 3>&- &
	opensm_pid=$!
	wait_for 60 subnet_is_up
}
