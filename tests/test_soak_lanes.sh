#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Random faults, judged by OpenSM: fat-trees, and engines that spread paths over lanes.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

soak_plan 9 ftree dfsssp nue
soak_engine ftree dfsssp nue
soak_covers failed returned switched 'LMC 1' 'LMC 2' partitions 'limited default' policy 'dropped SLs'
