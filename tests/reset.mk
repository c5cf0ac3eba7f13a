# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# The pure parts of resetting a connection.
check_PROGRAMS += tests/check_handshake tests/fuzz_handshake
TESTS += tests/check_handshake tests/fuzz_handshake
EXTRA_DIST += tests/seeds/handshake
tests_check_handshake_SOURCES = tests/check_handshake.c lib/verbs/handshake.c lib/verbs/handshake.h lib/verbs/strategy.h
tests_check_handshake_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_handshake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_handshake_LDADD = $(CHECK_LIBS)
tests_fuzz_handshake_SOURCES = tests/fuzz_handshake.c tests/fuzz_replay.c lib/verbs/handshake.c
