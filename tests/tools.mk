# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

check_PROGRAMS += tests/check_hfsim tests/check_packets
TESTS += tests/check_hfsim tests/check_packets
tests_check_packets_SOURCES = tests/check_packets.c tools/hfsim_packets.c tools/hfsim_packets.h
tests_check_packets_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_packets_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_packets_LDADD = $(CHECK_LIBS)
tests_check_hfsim_SOURCES = tests/check_hfsim.c
tests_check_hfsim_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_hfsim_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_check_hfsim_LDADD = tools/libhfrun.la $(CHECK_LIBS) $(JANSSON_LIBS)

check_PROGRAMS += tests/check_soak
TESTS += tests/check_soak
tests_check_soak_SOURCES = tests/check_soak.c
tests_check_soak_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_soak_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_soak_LDADD = tools/libhfrun.la $(CHECK_LIBS)

SOAK_TESTS = tests/test_soak.sh tests/test_soak_plain.sh tests/test_soak_grid.sh tests/test_soak_lanes.sh
TESTS += $(SOAK_TESTS)
EXTRA_DIST += $(SOAK_TESTS) tests/soak.sh

check_PROGRAMS += tests/control_client
TESTS += tests/test_holdfastd_options.sh tests/test_holdfastd.sh
EXTRA_DIST += tests/option_texts.sh tests/test_holdfastd_options.sh tests/test_holdfastd.sh

check_PROGRAMS += tests/program_client
tests_program_client_SOURCES = tests/program_client.c
tests_program_client_LDADD = lib/libhfhost.la lib/libhfprogram.la
TESTS += tests/test_holdfastd_programs.sh
EXTRA_DIST += tests/test_holdfastd_programs.sh

TESTS += tests/test_diff.sh
EXTRA_DIST += tests/test_diff.sh
