#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Random faults, judged by OpenSM: engines for meshes and tori.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/soak.sh"

soak_plan 9 lash dor torus-2QoS
soak_engine lash dor torus-2QoS
soak_covers failed returned switched 'LMC 1' 'LMC 2' partitions 'limited default' policy 'dropped SLs'
