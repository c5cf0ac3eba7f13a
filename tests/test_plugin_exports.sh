#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# opensm exports hundreds of functions to its plugins; what a plugin exports itself could be mistaken for one of them.
. "$top_srcdir/tests/tap.sh"

plugin=$top_builddir/plugin/.libs/libosmholdfast.so

plan 3
try "the plugin exports one symbol" \
	[ "$(nm -D --defined-only "$plugin" | awk '{ print $3 }')" = osm_event_plugin ]
try "a symbol that opensm lacks stops the load, not opensm" sh -c "readelf -d '$plugin' | grep -q 'NOW'"
try "it needs no library of OpenSM's: those are in the program already" \
	sh -c "! readelf -d '$plugin' | grep 'NEEDED.*\(libopensm\|libosm\)'"
