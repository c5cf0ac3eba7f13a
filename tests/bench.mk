# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# What ./quickstart bench runs besides scripts is built with everything else, not with the tests.
noinst_PROGRAMS += tests/bench_distinguisher
tests_bench_distinguisher_SOURCES = tests/bench_distinguisher.c tests/bench.c tests/bench.h tests/fabric_tables.c \
	tests/fabric_tables.h
tests_bench_distinguisher_LDADD = plugin/libhfplugin.la sim/libhfsim.la lib/libhfcore.la

noinst_PROGRAMS += tests/bench_record
tests_bench_record_SOURCES = tests/bench_record.c tests/bench.c tests/bench.h
tests_bench_record_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
tests_bench_record_LDADD = lib/libhfverbs.la

noinst_LTLIBRARIES += tests/libosmhfbench.la
tests_libosmhfbench_la_SOURCES = tests/bench_plugin.c tests/bench.c plugin/osm.c plugin/osm_tables.c \
	plugin/osm_terms.c plugin/osm_sl.c
tests_libosmhfbench_la_CFLAGS = $(plugin_libosmholdfast_la_CFLAGS) $(JANSSON_CFLAGS)
tests_libosmhfbench_la_LDFLAGS = $(plugin_osm_ldflags) -rpath $(libdir)
tests_libosmhfbench_la_LIBADD = plugin/libhfplugin.la

noinst_PROGRAMS += tests/sa_latency
tests_sa_latency_SOURCES = tests/sa_latency.c
tests_sa_latency_LDADD = lib/libhfcore.la
noinst_PROGRAMS += tests/sa_bulk
tests_sa_bulk_SOURCES = tests/sa_bulk.c
tests_sa_bulk_LDADD = lib/libhfcore.la
EXTRA_DIST += tests/bench_signalling.sh
EXTRA_DIST += tests/fabric.sh tests/figure.sh tests/bench_instructions.sh tests/bench_snapshot.sh tests/bench_sweep.sh
TESTS += tests/test_bench.sh
EXTRA_DIST += tests/test_bench.sh
noinst_PROGRAMS += tests/mft_blocks
tests_mft_blocks_SOURCES = tests/mft_blocks.c
tests_mft_blocks_LDADD = sim/libhfpcap.la
EXTRA_DIST += tests/bench_services.sh

noinst_PROGRAMS += tests/ipc_limits
tests_ipc_limits_SOURCES = tests/ipc_limits.c
EXTRA_DIST += tests/bench_preload.sh tests/bench_verbs.sh tests/perftest.sh
