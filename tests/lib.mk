# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
LIB_CHECKS = tests/check_options
check_PROGRAMS += $(LIB_CHECKS)
TESTS += $(LIB_CHECKS)

tests_check_options_SOURCES = tests/check_options.c
tests_check_options_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_check_options_LDADD = lib/libhfcore.la $(CHECK_LIBS)
