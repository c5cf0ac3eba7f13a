#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Stock opensm loads the plugin, or says in one line why it does not, and goes on without it.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

# bad_options LINE EXPECTED: opensm says EXPECTED about an options file with that line, and comes up without the plugin.
bad_options() {
	printf '# a comment\n%s\n' "$1" >bad.conf
	start_opensm osmholdfast "event_plugin_options $work/bad.conf" && log_says "$2" && log_says 'ERR 1000' &&
		opensm_is_up && ! log_says 'osmholdfast: version'
	bad_rc=$?
	stop_opensm || return 1
	[ "$bad_rc" -eq 0 ] || cat opensm.log opensm.out
	return "$bad_rc"
}

# refused NAME EXPECTED: opensm does not load that plugin, says EXPECTED on stderr or in its log, and goes on.
refused() {
	start_opensm "$1" && cat opensm.log opensm.out >said && grep -e "$2" said && grep 'ERR 1000' said &&
		opensm_is_up && on_host H_0_0_0 saquery -c >/dev/null
	refused_rc=$?
	stop_opensm && return "$refused_rc"
}

capability2() { on_host H_0_0_0 saquery -c | sed -n 's/.*Capability mask 2.*0x\([0-9a-fA-F]*\).*/\1/p'; }

repath_bit_is() {
	bit_mask=$(capability2)
	note "CapabilityMask2 0x$bit_mask"
	[ -n "$bit_mask" ] && [ $((0x$bit_mask & 1)) -eq "$1" ]
}

# All but that bit is as stock opensm answers.
cpi_without_bit() { on_host H_0_0_0 saquery -c | sed 's/\(Capability mask 2.*\)0x.*/\1/'; }

start_fabric || exit 99
plan 19

try "stock opensm comes up without a plugin" start_opensm nothing
try "it says that it does not send traps 68 and 69" repath_bit_is 0
cpi_without_bit >cpi.stock
stop_opensm

try "opensm loads the plugin" start_opensm osmholdfast
try "it logs its version and mode" log_says 'osmholdfast: version .* loaded, mode targeted'
try "the SA says that it sends traps 68 and 69" repath_bit_is 1
cpi_without_bit >cpi.plugin
try "the rest of its ClassPortInfo is as before" diff cpi.stock cpi.plugin
try "ClassPortInfo comes again" repath_bit_is 1
try "opensm ends with status 0" stop_opensm

sed 's/^#\([a-z_]* = \)/\1/' "$top_builddir/plugin/osmholdfast.conf" >all.conf
start_opensm osmholdfast "event_plugin_options $work/all.conf"
try "the sample with every option uncommented loads" log_says 'osmholdfast: version .* loaded, mode targeted'
stop_opensm

echo 'mode = off' >off.conf
start_opensm osmholdfast "event_plugin_options $work/off.conf"
try "in mode off it does not say so" repath_bit_is 0
stop_opensm

try "unknown option" bad_options 'windoww = 3' 'bad.conf:2:.*windoww'
try "value out of range: file, line, value, what is allowed" \
	bad_options 'window = 70000' 'bad.conf:2:.*window.*70000.*1 to 4096'
try "value that is none of the choices" \
	bad_options 'mode = "always"' 'bad.conf:2:.*mode.*always.*off, wildcard, repath-only, hybrid'
try "trace file that cannot be opened" bad_options 'trace = "/nowhere/trace"' 'trace = /nowhere/trace: No such file'
start_opensm osmholdfast "event_plugin_options $work/missing.conf"
try "options file that is not there" log_says 'osmholdfast: error: not loaded: .*missing.conf'
stop_opensm

try "the same plugin twice" refused "osmholdfast osmholdfast" 'not loaded twice'
try "built for another version of opensm" refused osmhfversion 'OpenSM 0.0.0'
try "built for another layout of the same version" refused osmhfshifted 'osmholdfast: not loaded: .*structures'
try "the layout's refusal is one line" [ "$(grep -c 'osmholdfast: not loaded' opensm.out)" -eq 1 ]
