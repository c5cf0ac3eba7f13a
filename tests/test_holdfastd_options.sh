#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The options of holdfastd: table against manual page, refusals that name file and line, exit statuses.
. "$top_srcdir/tests/tap.sh"

holdfastd=$top_builddir/tools/holdfastd
manual=$top_srcdir/doc/holdfastd.conf.5

# "name: text Allowed: ... Default: ..." on one line for each option
from_sample() {
	"$holdfastd" --print-config-sample | awk '
		/^# / { text = text " " substr($0, 3); next }
		/^#/ {
			sub(/^#/, ""); name = $1; sub(/^[^=]*= /, "")
			print name ":" text " Default: " $0 "."; text = ""
		}'
}
from_manual() {
	awk '
		function end() { if (name) print name ":" text; name = text = "" }
		/^\.It Cm / { end(); name = $3; next }
		/^\.El/ { end(); exit }
		/^\./ { next }
		name { text = text " " $0 }
		END { end() }' "$manual"
}
from_sample >"$work/sample"
from_manual >"$work/manual"

refuses() {	# CONTENT EXPECTED-MESSAGE
	printf '%b' "$1" >"$work/bad.conf"
	"$holdfastd" --check-config -c "$work/bad.conf" 2>"$work/message"
	[ $? -eq 2 ] && grep -F "$2" "$work/message"
}
sample_is_accepted() {
	"$holdfastd" --print-config-sample | sed 's/^#\([a-z_]* = \)/\1/' >"$work/sample.conf"
	[ "$(grep -c '^[a-z]' "$work/sample.conf")" -eq "$(wc -l <"$work/sample")" ] &&
		"$holdfastd" --check-config -c "$work/sample.conf"
}
ends_with() {	# STATUS MESSAGE ARGUMENT...
	ends_status=$1 ends_message=$2
	shift 2
	timeout 10 "$holdfastd" "$@" >"$work/message" 2>&1
	[ $? -eq "$ends_status" ] && grep -F "$ends_message" "$work/message"
}

plan 15
try "there are options" test -s "$work/sample"
try "the manual page says what the table says" diff "$work/sample" "$work/manual"
try "the sample, uncommented, is a good file" sample_is_accepted
try "an unknown option is named with file and line" refuses 'log = stderr\nspeed = 3\n' "bad.conf:2:"
try "a number out of range is named with what is allowed" refuses 'stop_timeout_ms = 10001\n' "0 to 10000"
try "a word that is no choice is named with the choices" refuses 'log = paper\n' "stderr, syslog"
try "an option that stands twice is refused" refuses 'log = stderr\nlog = syslog\n' "bad.conf:2:"
try "-o comes after the file" ends_with 2 "log_level" --check-config -c "$work/sample.conf" -o log_level=loud
try "-o without a value is refused" ends_with 2 "name=value" --check-config -o log_level
try "a file that is named must exist" ends_with 2 "none.conf" --check-config -c "$work/none.conf"
try "an unknown argument is refused" ends_with 2 "usage" --speed
try "an argument too much is refused" ends_with 2 "usage" extra
try "--version" ends_with 0 "holdfast" --version
echo "fe80::1 fe80::2 fe80::3" >"$work/connect"
try "a bad connect file is named with its line" ends_with 1 "$work/connect:1:" -f -o socket= -o connect="$work/connect"
try "a port that does not exist is named" ends_with 1 "no-such-adapter" -f -o socket= -o ports=no-such-adapter
