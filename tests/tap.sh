# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# shellcheck shell=sh
# What the shell tests share: TAP on standard output, a scratch folder, and waiting for a state with a deadline.
#
#   . "$top_srcdir/tests/tap.sh"
#   plan 2
#   try "what must hold" command [argument ...]     ok when the command ends with 0; its output goes to the log
#   try_not "what must not hold" command ...
#   wait_for SECONDS command ...                    runs the command every 20 ms until it ends with 0
#   $work                                           a folder of this test's own, removed at the end
#   on_exit command ...                             run at the end, last given first (ends what the test started)
#   skip "why"                                      no test of this script runs; a failure where HF_STRICT is 1
#   need PROGRAM ...                                skips where one of them is not installed

set -u
tap_count=0
tap_failed=0
tap_exit=:
work=$(mktemp -d "${TMPDIR:-/tmp}/hf-test.XXXXXX") || exit 99

tap_end() {
	tap_status=$?
	eval "$tap_exit"
	rm -rf "$work"
	[ "$tap_status" -ne 0 ] || [ "$tap_failed" -eq 0 ] || tap_status=1
	exit "$tap_status"
}
trap tap_end EXIT
trap 'exit 99' HUP INT TERM

on_exit() { tap_exit="$* ; $tap_exit"; }
plan() { echo "1..$1"; }

skip() {
	[ "${HF_STRICT:-0}" = 1 ] && { echo "Bail out! $1"; exit 99; }
	echo "1..0 # SKIP $1"
	exit 77
}

need() {
	for tap_program in "$@"; do
		command -v "$tap_program" >/dev/null || skip "$tap_program is not installed"
	done
}
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

tap_result() {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		echo "not ok $tap_count - $2"
		tap_failed=$((tap_failed + 1))
	fi
}

try() {
	tap_what=$1
	shift
	"$@" >"$work/try.out" 2>&1
	tap_rc=$?
	[ "$tap_rc" -eq 0 ] || { note "exit status $tap_rc of: $*"; note "$(cat "$work/try.out")"; }
	tap_result "$tap_rc" "$tap_what"
}

try_not() {
	tap_what=$1
	shift
	if "$@" >"$work/try.out" 2>&1; then
		note "ended with 0 though it must not: $*"
		note "$(cat "$work/try.out")"
		tap_result 1 "$tap_what"
	else
		tap_result 0 "$tap_what"
	fi
}

wait_for() {
	tap_deadline=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$tap_deadline" ] || return 1
		sleep 0.02
	done
}
