# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
noinst_HEADERS += sim/ibsim_proto.h

# The pure parts of the simulated fabric: no subnet manager, no ibsim, no adapter.
noinst_LTLIBRARIES += sim/libhfsim.la
sim_libhfsim_la_SOURCES = sim/fail.c sim/fail.h sim/topology.c sim/topology.h sim/topology_file.c \
	sim/topology_generate.c
noinst_HEADERS += sim/creditloop.h sim/scenario.h

# The RMPP of the simulated ib_umad, apart so that tests drive it without a fabric.
noinst_LTLIBRARIES += sim/libhfrmpp.la
sim_libhfrmpp_la_SOURCES = sim/rmpp.c sim/rmpp.h
