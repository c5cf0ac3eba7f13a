#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Random faults, judged by OpenSM: engines that leave the SL to the partition.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

soak_plan 7 minhop updn dnup sssp
soak_engine minhop updn dnup sssp
soak_covers switched 'LMC 1' 'LMC 2' partitions 'limited default' policy 'dropped SLs'
