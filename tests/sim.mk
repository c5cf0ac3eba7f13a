# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
check_PROGRAMS += tests/check_mux tests/mux_client
TESTS += tests/check_mux tests/test_mux.sh
EXTRA_DIST += tests/test_mux.sh
tests_check_mux_SOURCES = tests/check_mux.c sim/mux_nodes.c sim/mux_tags.c
tests_check_mux_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_mux_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_mux_LDADD = $(CHECK_LIBS)
tests_mux_client_SOURCES = tests/mux_client.c
tests_mux_client_LDADD = lib/libhfcore.la

check_PROGRAMS += tests/check_topology
noinst_PROGRAMS += tests/topology_tool
TESTS += tests/check_topology tests/test_topology.sh
EXTRA_DIST += tests/test_topology.sh
tests_check_topology_SOURCES = tests/check_topology.c
tests_check_topology_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_topology_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_topology_LDADD = sim/libhfsim.la $(CHECK_LIBS)
tests_topology_tool_SOURCES = tests/topology_tool.c
tests_topology_tool_LDADD = sim/libhfsim.la

check_PROGRAMS += tests/check_rmpp_engine
TESTS += tests/check_rmpp_engine
tests_check_rmpp_engine_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_rmpp_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_rmpp_engine_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
tests_check_rmpp_engine_LDADD = sim/libhfrmpp.la $(CHECK_LIBS)

check_PROGRAMS += tests/fuzz_rmpp
TESTS += tests/fuzz_rmpp
tests_fuzz_rmpp_SOURCES = tests/fuzz_rmpp.c tests/fuzz_replay.c
tests_fuzz_rmpp_LDADD = sim/libhfrmpp.la
EXTRA_DIST += tests/seeds/rmpp

check_PROGRAMS += tests/check_scenario
TESTS += tests/check_scenario
tests_check_scenario_SOURCES = tests/check_scenario.c
tests_check_scenario_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_scenario_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_scenario_LDADD = sim/libhfsim.la lib/libhfcore.la $(CHECK_LIBS)

check_PROGRAMS += tests/check_creditloop
TESTS += tests/check_creditloop
tests_check_creditloop_SOURCES = tests/check_creditloop.c
tests_check_creditloop_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_creditloop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_creditloop_LDADD = sim/libhfsim.la $(CHECK_LIBS)

check_PROGRAMS += tests/fuzz_topology tests/fuzz_scenario
TESTS += tests/fuzz_topology tests/fuzz_scenario
tests_fuzz_topology_SOURCES = tests/fuzz_topology.c tests/fuzz_replay.c
tests_fuzz_topology_LDADD = sim/libhfsim.la
tests_fuzz_scenario_SOURCES = tests/fuzz_scenario.c tests/fuzz_replay.c
tests_fuzz_scenario_LDADD = sim/libhfsim.la lib/libhfcore.la
EXTRA_DIST += tests/seeds/topology tests/seeds/scenario

check_PROGRAMS += tests/check_umad tests/umad_tool
TESTS += tests/check_umad tests/test_umad.sh
EXTRA_DIST += tests/test_umad.sh
tests_check_umad_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_umad_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_umad_LDADD = sim/umad/libhfumadcore.la sim/libhfpcap.la $(CHECK_LIBS)
tests_umad_tool_CFLAGS = $(AM_CFLAGS) $(UMAD_CFLAGS)
tests_umad_tool_LDADD = $(UMAD_LIBS)

# The engine against a model of the kernel's RMPP, over a simulated link.
check_PROGRAMS += tests/check_rmpp
TESTS += tests/check_rmpp
tests_check_rmpp_SOURCES = tests/check_rmpp.c tests/rmpp_link.c tests/rmpp_link.h tests/rmpp_party.c \
	tests/rmpp_party.h tests/rmpp_reference.c tests/rmpp_reference.h
tests_check_rmpp_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_rmpp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_rmpp_LDADD = sim/libhfrmpp.la $(CHECK_LIBS)

check_PROGRAMS += tests/check_sma tests/fuzz_sma
TESTS += tests/check_sma tests/fuzz_sma
tests_check_sma_SOURCES = tests/check_sma.c
tests_check_sma_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sma_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_sma_LDADD = sim/sma/libhfsmacore.la $(CHECK_LIBS)
tests_fuzz_sma_SOURCES = tests/fuzz_sma.c tests/fuzz_replay.c
tests_fuzz_sma_LDADD = sim/sma/libhfsmacore.la
EXTRA_DIST += tests/seeds/sma
check_PROGRAMS += tests/sma_tool
TESTS += tests/test_sma.sh
EXTRA_DIST += tests/test_sma.sh
tests_sma_tool_CFLAGS = $(AM_CFLAGS) $(IBMAD_CFLAGS) $(UMAD_CFLAGS)
tests_sma_tool_LDADD = $(IBMAD_LIBS) $(UMAD_LIBS)

# Simulated adapters, and the map of the fabric that they send by.
check_PROGRAMS += tests/check_fabric_map tests/check_verbs_ring tests/fuzz_fabric_map tests/fuzz_verbs_ring
TESTS += tests/check_fabric_map tests/check_verbs_ring tests/fuzz_fabric_map tests/fuzz_verbs_ring
EXTRA_DIST += tests/seeds/fabric_map tests/seeds/verbs_ring
tests_check_fabric_map_SOURCES = tests/check_fabric_map.c tests/fabric_image.c tests/fabric_image.h
tests_check_fabric_map_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_fabric_map_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_fabric_map_LDADD = sim/libhffabric.la $(CHECK_LIBS)
tests_check_verbs_ring_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_verbs_ring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_verbs_ring_LDADD = sim/verbs/libhfverbscore.la $(CHECK_LIBS)
tests_fuzz_fabric_map_SOURCES = tests/fuzz_fabric_map.c tests/fuzz_replay.c tests/fabric_image.c tests/fabric_image.h
tests_fuzz_fabric_map_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_fuzz_fabric_map_LDADD = sim/libhffabric.la
tests_fuzz_verbs_ring_SOURCES = tests/fuzz_verbs_ring.c tests/fuzz_replay.c
tests_fuzz_verbs_ring_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_fuzz_verbs_ring_LDADD = sim/verbs/libhfverbscore.la
check_PROGRAMS += tests/verbs_tool
TESTS += tests/test_verbs.sh
EXTRA_DIST += tests/test_verbs.sh
tests_verbs_tool_SOURCES = tests/verbs_tool.c tests/verbs_tool.h tests/verbs_ends.c tests/verbs_transitions.c \
	tests/qp_table.h
tests_verbs_tool_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_verbs_tool_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
tests_verbs_tool_LDADD = $(VERBS_LIBS) -ldl
