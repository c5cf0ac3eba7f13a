#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Random faults, judged by OpenSM: engines that leave the SL to the partition.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

soak_plan minhop updn dnup sssp
soak_engine minhop updn dnup sssp
