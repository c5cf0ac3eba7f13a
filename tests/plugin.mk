# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
PLUGIN_CHECKS = tests/check_snapshot tests/check_distinguisher tests/check_signaller tests/check_reporter
check_PROGRAMS += $(PLUGIN_CHECKS)
TESTS += $(PLUGIN_CHECKS)
noinst_HEADERS += tests/random_tables.h

PLUGIN_CHECK_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
PLUGIN_CHECK_LDADD = plugin/libhfplugin.la lib/libhfcore.la $(CHECK_LIBS)
tests_check_snapshot_SOURCES = tests/check_snapshot.c
tests_check_snapshot_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_snapshot_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_snapshot_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_distinguisher_SOURCES = tests/check_distinguisher.c
tests_check_distinguisher_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_distinguisher_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_distinguisher_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_signaller_SOURCES = tests/check_signaller.c
tests_check_signaller_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_signaller_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_signaller_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_reporter_SOURCES = tests/check_reporter.c
tests_check_reporter_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_reporter_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_reporter_LDADD = $(PLUGIN_CHECK_LDADD)
