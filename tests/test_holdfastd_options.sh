#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The options of holdfastd: table against manual page, refusals that name file and line, exit statuses.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/option_texts.sh"

holdfastd=$top_builddir/tools/holdfastd

from_sample "$holdfastd" --print-config-sample >"$work/sample"
from_manual "$top_srcdir/doc/holdfastd.conf.5" >"$work/manual"
from_sample "$holdfastd" --print-services-sample >"$work/services-sample"
from_manual "$top_srcdir/doc/holdfastd.services.5" >"$work/services-manual"

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

# A services file with these lines, behind those of a good one.
write_service() {
	printf 'service "web" {\n\tpeers = {0x11, 0x22}\n\tkey_file = "%s"\n%b}\n' "$work/key" "$1" >"$work/web"
}
service_is_good() {
	write_service "$1"
	"$holdfastd" --check-config -o services="$work/web"
}
service_refuses() {	# LINES EXPECTED-MESSAGE
	write_service "$1"
	ends_with 2 "$2" --check-config -o services="$work/web"
}
file_refuses() {	# CONTENT EXPECTED-MESSAGE
	printf '%b' "$1" >"$work/web"
	ends_with 2 "$2" --check-config -o services="$work/web"
}
(umask 077 && printf '%064d\n' 1 >"$work/key")

plan 31
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

try "a service has options" test -s "$work/services-sample"
try "their manual page says what their table says" diff "$work/services-sample" "$work/services-manual"
try "a good services file" service_is_good '\tinterval_ms = 50\n\tcount = 5\n\thook = "/bin/true"\n'
try "an unknown option of a service is named with file and line" service_refuses '\tspeed = 3\n' "web:4:"
try "with what is allowed" service_refuses '\tspeed = 3\n' "hook_limit_ms"
try "so is a bad number" service_refuses '\tcount = 0\n' "1 to 100"
try "and an option that stands twice" service_refuses '\tcount = 2\n\tcount = 2\n' "web:5: count stands twice"
try "a hook must be a program" service_refuses '\thook = "/no/such"\n' "hook /no/such: No such file"
try "a service needs peers" file_refuses "service \"web\" {\nkey_file = \"$work/key\"\n}\n" "has no peers"
try "and a key" file_refuses 'service "web" {\npeers = {1}\n}\n' "has no key_file"
try "a peer is a GUID" file_refuses 'service "web" {\npeers = {1, one}\n}\n' 'web:2: peers: "one"'
try "none stands twice" file_refuses 'service "web" {\npeers = {1, 0x1}\n}\n' "0x1 stands twice"
try "a name has letters" file_refuses "service \"a b\" {\npeers = {1}\nkey_file = \"$work/key\"\n}\n" "letters, digits"
chmod 644 "$work/key"
try "a key that others may read is refused" service_refuses '' "chmod 600"
chmod 600 "$work/key"
echo short >"$work/key"
try "so is one that is none" service_refuses '' "64 hexadecimal digits"
try "a services file that is named must exist" ends_with 2 "none" --check-config -o services="$work/none"
