#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# The plugin's options: the manual page says what the table says. What it refuses is in test_plugin_load.sh.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/option_texts.sh"

from_sample "$top_builddir/plugin/print-options" >"$work/sample"
from_manual "$top_srcdir/doc/osmholdfast.conf.5" >"$work/manual"
from_sample "$top_builddir/plugin/print-options" services >"$work/sample-services"
from_manual "$top_srcdir/doc/holdfast-services.5" >"$work/manual-services"

plan 5
try "there are options" [ "$(wc -l <"$work/sample")" -ge 10 ]
try "the manual page says what the table says" diff "$work/sample" "$work/manual"
try "the sample that is installed is the table's" \
	sh -c "'$top_builddir/plugin/print-options' | diff - '$top_builddir/plugin/osmholdfast.conf'"
try "there are keywords of services" [ "$(wc -l <"$work/sample-services")" -ge 10 ]
try "their manual page says what the table says" diff "$work/sample-services" "$work/manual-services"
