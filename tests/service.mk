# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
HEARTBEAT_CHECKS = tests/check_heartbeat tests/check_service_nodes tests/check_service_wire
check_PROGRAMS += $(HEARTBEAT_CHECKS)
TESTS += $(HEARTBEAT_CHECKS)

HEARTBEAT_CHECK_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
HEARTBEAT_CHECK_LDADD = lib/libhfservice.la lib/libhfcore.la $(CHECK_LIBS)
tests_check_heartbeat_SOURCES = tests/check_heartbeat.c
tests_check_heartbeat_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_heartbeat_CFLAGS = $(HEARTBEAT_CHECK_CFLAGS)
tests_check_heartbeat_LDADD = $(HEARTBEAT_CHECK_LDADD)
tests_check_service_nodes_SOURCES = tests/check_service_nodes.c
tests_check_service_nodes_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_service_nodes_CFLAGS = $(HEARTBEAT_CHECK_CFLAGS)
tests_check_service_nodes_LDADD = plugin/libhfplugin.la $(HEARTBEAT_CHECK_LDADD)
tests_check_service_wire_SOURCES = tests/check_service_wire.c
tests_check_service_wire_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_service_wire_CFLAGS = $(HEARTBEAT_CHECK_CFLAGS)
tests_check_service_wire_LDADD = $(HEARTBEAT_CHECK_LDADD)

check_PROGRAMS += tests/service_replay
tests_service_replay_SOURCES = tests/service_replay.c
tests_service_replay_LDADD = lib/libhfservice.la sim/libhfpcap.la lib/libhfcore.la
TESTS += tests/test_heartbeat.sh
EXTRA_DIST += tests/test_heartbeat.sh

check_PROGRAMS += tests/fuzz_service
TESTS += tests/fuzz_service
tests_fuzz_service_SOURCES = tests/fuzz_service.c tests/fuzz_replay.c
tests_fuzz_service_LDADD = plugin/libhfplugin.la lib/libhfservice.la lib/libhfcore.la
EXTRA_DIST += tests/seeds/service
