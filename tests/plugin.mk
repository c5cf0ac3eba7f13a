# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
PLUGIN_CHECKS = tests/check_snapshot tests/check_snapshot_file tests/check_distinguisher tests/check_sampling \
	tests/check_signaller tests/check_bulk tests/check_reporter tests/check_plugin_control tests/fuzz_snapshot
PLUGIN_CHECKS += tests/check_funnel tests/check_service_modes
check_PROGRAMS += $(PLUGIN_CHECKS)
TESTS += $(PLUGIN_CHECKS)
noinst_HEADERS += tests/random_tables.h

PLUGIN_CHECK_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
PLUGIN_CHECK_LDADD = plugin/libhfplugin.la lib/libhfcore.la $(CHECK_LIBS)
tests_check_snapshot_SOURCES = tests/check_snapshot.c
tests_check_snapshot_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_snapshot_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_snapshot_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_snapshot_file_SOURCES = tests/check_snapshot_file.c
tests_check_snapshot_file_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_snapshot_file_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_snapshot_file_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_distinguisher_SOURCES = tests/check_distinguisher.c
tests_check_distinguisher_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_distinguisher_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_distinguisher_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_plugin_control_SOURCES = tests/check_plugin_control.c tools/control_client.c tools/control_client.h
tests_check_plugin_control_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_plugin_control_CFLAGS = $(PLUGIN_CHECK_CFLAGS) $(JANSSON_CFLAGS)
tests_check_plugin_control_LDADD = plugin/libhfplugincontrol.la $(PLUGIN_CHECK_LDADD) $(JANSSON_LIBS)
tests_check_sampling_SOURCES = tests/check_sampling.c
tests_check_sampling_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_sampling_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_sampling_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_signaller_SOURCES = tests/check_signaller.c
tests_check_signaller_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_signaller_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_signaller_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_bulk_SOURCES = tests/check_bulk.c
tests_check_bulk_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_bulk_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_bulk_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_funnel_SOURCES = tests/check_funnel.c
tests_check_funnel_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_funnel_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_funnel_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_service_modes_SOURCES = tests/check_service_modes.c
tests_check_service_modes_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_service_modes_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_service_modes_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_reporter_SOURCES = tests/check_reporter.c
tests_check_reporter_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_reporter_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_reporter_LDADD = $(PLUGIN_CHECK_LDADD)
tests_fuzz_snapshot_SOURCES = tests/fuzz_snapshot.c tests/fuzz_replay.c
tests_fuzz_snapshot_LDADD = plugin/libhfplugin.la lib/libhfcore.la
EXTRA_DIST += tests/seeds/snapshot

# System tests on a simulated fabric with stock opensm.
check_PROGRAMS += tests/subscriber
tests_subscriber_SOURCES = tests/subscriber.c
tests_subscriber_LDADD = lib/libhfcore.la
PLUGIN_SYSTEM_TESTS = tests/test_plugin_exports.sh tests/test_plugin_options.sh tests/test_plugin_load.sh \
	tests/test_report_wire.sh tests/test_plugin_silent.sh tests/test_plugin_engines.sh tests/test_plugin_exit.sh \
	tests/test_bulk.sh tests/test_plugin_status.sh tests/test_plugin_sweeps.sh tests/test_plugin_standby.sh \
	tests/test_plugin_terms.sh tests/test_plugin_memory.sh
PLUGIN_SYSTEM_TESTS += tests/test_service_modes.sh
TESTS += $(PLUGIN_SYSTEM_TESTS)
EXTRA_DIST += $(PLUGIN_SYSTEM_TESTS) tests/plugin.sh

# Preloaded into opensm by tests.
check_LTLIBRARIES += tests/libhfrefuselft.la tests/libhfrefuseread.la tests/libhfrefusememory.la tests/libhflowermtu.la
tests_libhfrefuselft_la_SOURCES = tests/refuse_lft.c
tests_libhfrefuselft_la_LDFLAGS = -module -avoid-version -shared -rpath $(libdir)
tests_libhfrefuselft_la_LIBADD = -ldl
tests_libhflowermtu_la_SOURCES = tests/lower_mtu.c
tests_libhflowermtu_la_LDFLAGS = -module -avoid-version -shared -rpath $(libdir)
tests_libhflowermtu_la_LIBADD = -ldl
tests_libhfrefusememory_la_SOURCES = tests/refuse_memory.c
tests_libhfrefusememory_la_LDFLAGS = -module -avoid-version -shared -rpath $(libdir)
tests_libhfrefusememory_la_LIBADD = -ldl
tests_libhfrefuseread_la_SOURCES = tests/refuse_read.c
tests_libhfrefuseread_la_LDFLAGS = -module -avoid-version -shared -rpath $(libdir)

# Plugins that opensm must not load: built for another version, and for another layout of its structures.
check_LTLIBRARIES += tests/libosmhfversion.la tests/libosmhfshifted.la
tests_libosmhfversion_la_SOURCES = $(plugin_osm_sources)
tests_libosmhfversion_la_CFLAGS = $(plugin_libosmholdfast_la_CFLAGS) -DHF_OSM_VERSION='"OpenSM 0.0.0"'
tests_libosmhfversion_la_LDFLAGS = $(plugin_osm_ldflags) -rpath $(libdir)
tests_libosmhfversion_la_LIBADD = $(plugin_osm_libadd)
# All that osm_config.h defines but ENABLE_OSM_PERF_MGR.
SHIFTED_CFLAGS = -DHF_OSM_UNCHECKED_LAYOUT -D_OSM_CONFIG_H_ -DOSM_VENDOR_INTF_OPENIB -DVENDOR_RMPP_SUPPORT \
	-DDUAL_SIDED_RMPP -DHAVE_LIBPTHREAD
tests_libosmhfshifted_la_SOURCES = $(plugin_osm_sources)
tests_libosmhfshifted_la_CFLAGS = $(SHIFTED_CFLAGS) $(plugin_libosmholdfast_la_CFLAGS)
tests_libosmhfshifted_la_LDFLAGS = $(plugin_osm_ldflags) -rpath $(libdir)
tests_libosmhfshifted_la_LIBADD = $(plugin_osm_libadd)

# Services
check_PROGRAMS += tests/mcast_member
tests_mcast_member_SOURCES = tests/mcast_member.c
tests_mcast_member_LDADD = lib/libhfcore.la
SERVICE_SYSTEM_TESTS = tests/test_services.sh tests/test_services_console.sh tests/test_services_many.sh tests/test_services_exit.sh tests/test_services_rights.sh
TESTS += $(SERVICE_SYSTEM_TESTS)
EXTRA_DIST += $(SERVICE_SYSTEM_TESTS) tests/services.sh
SERVICE_CHECKS = tests/check_service tests/check_services_file tests/fuzz_services
check_PROGRAMS += $(SERVICE_CHECKS)
TESTS += $(SERVICE_CHECKS)
tests_check_service_SOURCES = tests/check_service.c
tests_check_service_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_service_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_service_LDADD = $(PLUGIN_CHECK_LDADD)
tests_check_services_file_SOURCES = tests/check_services_file.c
tests_check_services_file_CPPFLAGS = $(CHECK_CPPFLAGS)
tests_check_services_file_CFLAGS = $(PLUGIN_CHECK_CFLAGS)
tests_check_services_file_LDADD = $(PLUGIN_CHECK_LDADD)
tests_fuzz_services_SOURCES = tests/fuzz_services.c tests/fuzz_replay.c
tests_fuzz_services_LDADD = plugin/libhfplugin.la lib/libhfcore.la
EXTRA_DIST += tests/seeds/services
