# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
LIB_CHECKS = tests/check_delta tests/check_options tests/fuzz_delta
check_PROGRAMS += $(LIB_CHECKS)
TESTS += $(LIB_CHECKS)

tests_check_delta_SOURCES = tests/check_delta.c tests/delta_parts.c tests/delta_parts.h
tests_check_delta_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_delta_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_delta_LDADD = lib/libhfcore.la $(CHECK_LIBS)
tests_fuzz_delta_SOURCES = tests/fuzz_delta.c tests/fuzz_replay.c tests/delta_parts.c tests/delta_parts.h
tests_fuzz_delta_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_fuzz_delta_LDADD = lib/libhfcore.la
EXTRA_DIST += tests/seeds/delta
tests_check_options_SOURCES = tests/check_options.c
tests_check_options_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_options_LDADD = lib/libhfcore.la $(CHECK_LIBS)

PROGRAM_CHECKS = tests/check_peer_wire tests/check_program_server tests/check_program_wire tests/fuzz_peer_wire \
	tests/fuzz_program_wire
check_PROGRAMS += $(PROGRAM_CHECKS)
TESTS += $(PROGRAM_CHECKS)

tests_check_peer_wire_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_peer_wire_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_peer_wire_LDADD = lib/libhfpeer.la $(CHECK_LIBS)
tests_fuzz_peer_wire_SOURCES = tests/fuzz_peer_wire.c tests/fuzz_replay.c
tests_fuzz_peer_wire_LDADD = lib/libhfpeer.la
EXTRA_DIST += tests/seeds/peer_wire
tests_check_program_server_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_program_server_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_check_program_server_LDADD = lib/libhfprogramserver.la lib/libhfcontrol.la lib/libhfcore.la $(CHECK_LIBS)
tests_check_program_wire_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_program_wire_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_program_wire_LDADD = lib/libhfprogram.la $(CHECK_LIBS)
tests_fuzz_program_wire_SOURCES = tests/fuzz_program_wire.c tests/fuzz_replay.c
tests_fuzz_program_wire_LDADD = lib/libhfprogram.la
EXTRA_DIST += tests/seeds/program_wire

HOST_CHECKS = tests/check_connection tests/check_path_cache tests/check_qp_state tests/check_reconciler \
	tests/check_sa_client tests/check_sa_delta tests/check_sa_lossy tests/check_sim_qp \
	tests/check_strategy_program tests/check_wire \
	tests/fuzz_sa_client
check_PROGRAMS += $(HOST_CHECKS)
TESTS += $(HOST_CHECKS)

# What the tests of the host side share, with the compiler flags of all of them.
check_LTLIBRARIES += tests/libfakesa.la
tests_libfakesa_la_SOURCES = tests/fake_sa.c tests/fake_sa.h
tests_libfakesa_la_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_libfakesa_la_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libfakesa_la_LIBADD = lib/libhfhost.la $(CHECK_LIBS)

tests_check_connection_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_connection_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_connection_LDADD = tests/libfakesa.la
tests_check_path_cache_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_path_cache_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_path_cache_LDADD = tests/libfakesa.la
tests_check_qp_state_SOURCES = tests/check_qp_state.c tests/qp_table.h
tests_check_qp_state_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_qp_state_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_qp_state_LDADD = lib/libhfhost.la $(CHECK_LIBS)
tests_check_reconciler_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_reconciler_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_reconciler_LDADD = tests/libfakesa.la
tests_check_sa_client_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sa_client_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_sa_client_LDADD = tests/libfakesa.la
tests_check_sa_delta_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sa_delta_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_sa_delta_LDADD = tests/libfakesa.la
tests_check_sa_lossy_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sa_lossy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_sa_lossy_LDADD = tests/libfakesa.la
tests_check_sim_qp_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sim_qp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_sim_qp_LDADD = lib/libhfhost.la $(CHECK_LIBS)
tests_check_strategy_program_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_strategy_program_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_strategy_program_LDADD = tests/libfakesa.la
tests_check_wire_CPPFLAGS = $(CHECK_CPPFLAGS) $(OSM_CFLAGS)
tests_check_wire_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_wire_LDADD = lib/libhfhost.la $(CHECK_LIBS)

tests_fuzz_sa_client_SOURCES = tests/fuzz_sa_client.c tests/fuzz_replay.c
tests_fuzz_sa_client_LDADD = lib/libhfhost.la
EXTRA_DIST += tests/seeds/sa_client

TESTS += tests/test_headers.sh tests/test_exports.sh
EXTRA_DIST += tests/test_headers.sh tests/test_exports.sh

# libholdfast-verbs in stock programs on simulated adapters.
check_PROGRAMS += tests/program_daemon
tests_program_daemon_LDADD = lib/libhfprogram.la
check_PROGRAMS += tests/preload_tool tests/preload_stress
tests_preload_tool_SOURCES = tests/preload_tool.c tests/verbs_ends.c tests/verbs_tool.h
tests_preload_tool_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_preload_tool_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
tests_preload_tool_LDADD = $(VERBS_LIBS) -ldl
tests_preload_stress_SOURCES = tests/preload_stress.c tests/verbs_ends.c tests/verbs_tool.h
tests_preload_stress_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_preload_stress_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
tests_preload_stress_LDADD = $(VERBS_LIBS)
TESTS += tests/test_preload.sh
EXTRA_DIST += tests/test_preload.sh
