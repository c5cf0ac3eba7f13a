# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What ./quickstart bench runs besides scripts is built with everything else, not with the tests.
noinst_PROGRAMS += tests/bench_distinguisher
tests_bench_distinguisher_SOURCES = tests/bench_distinguisher.c tests/bench.c tests/bench.h tests/fabric_tables.c \
	tests/fabric_tables.h
tests_bench_distinguisher_LDADD = plugin/libhfplugin.la sim/libhfsim.la lib/libhfcore.la
