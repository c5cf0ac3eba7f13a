#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Random faults, judged by OpenSM: fat-trees, and engines that spread paths over lanes.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

soak_plan ftree dfsssp nue
soak_engine ftree dfsssp nue
