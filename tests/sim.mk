# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

check_PROGRAMS += tests/check_topology tests/topology_tool
TESTS += tests/check_topology tests/test_topology.sh
EXTRA_DIST += tests/test_topology.sh
tests_check_topology_SOURCES = tests/check_topology.c
tests_check_topology_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_topology_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_topology_LDADD = sim/libhfsim.la $(CHECK_LIBS)
tests_topology_tool_SOURCES = tests/topology_tool.c
tests_topology_tool_LDADD = sim/libhfsim.la
