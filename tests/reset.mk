# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# The pure parts of resetting a connection.
check_PROGRAMS += tests/check_handshake tests/check_handshake_worlds tests/fuzz_handshake
TESTS += tests/check_handshake tests/check_handshake_worlds tests/fuzz_handshake
EXTRA_DIST += tests/seeds/handshake
tests_check_handshake_SOURCES = tests/check_handshake.c lib/verbs/handshake.c lib/verbs/handshake.h lib/verbs/strategy.h
tests_check_handshake_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_handshake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_handshake_LDADD = $(CHECK_LIBS)
tests_check_handshake_worlds_SOURCES = tests/check_handshake_worlds.c lib/verbs/handshake.c lib/verbs/handshake.h \
	lib/verbs/strategy.h
tests_check_handshake_worlds_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_handshake_worlds_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_handshake_worlds_LDADD = $(CHECK_LIBS)
tests_fuzz_handshake_SOURCES = tests/fuzz_handshake.c tests/fuzz_replay.c lib/verbs/handshake.c

check_PROGRAMS += tests/check_ledger
TESTS += tests/check_ledger
tests_check_ledger_SOURCES = tests/check_ledger.c lib/verbs/ledger.c lib/verbs/ledger.h lib/verbs/ledger_inline.h \
	lib/verbs/ledger_restart.c lib/verbs/ledger_slots.h
tests_check_ledger_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_ledger_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(VERBS_CFLAGS)
tests_check_ledger_LDADD = $(CHECK_LIBS)

# Under moves: each message once and in order.
check_PROGRAMS += tests/preload_order
tests_preload_order_SOURCES = tests/preload_order.c
tests_preload_order_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
tests_preload_order_LDADD = $(VERBS_LIBS)
TESTS += tests/test_preload_reset.sh
EXTRA_DIST += tests/test_preload_reset.sh tests/preload.sh
