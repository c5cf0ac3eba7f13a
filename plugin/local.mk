# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# What knows no OpenSM type; the tests link it as it is.
noinst_LTLIBRARIES += plugin/libhfplugin.la
plugin_libhfplugin_la_SOURCES = plugin/tables.c plugin/tables.h plugin/snapshot.c plugin/snapshot.h \
	plugin/snapshot_file.h plugin/snapshot_layout.c plugin/snapshot_layout.h plugin/snapshot_read.c \
	plugin/snapshot_write.c \
	plugin/resolve.c plugin/distinguisher.c plugin/distinguisher.h plugin/signaller.c plugin/signaller.h \
	plugin/sampling.c plugin/sampling.h plugin/reporter.c plugin/reporter.h plugin/options.c plugin/options.h \
	plugin/engine.c plugin/engine.h plugin/engine_announce.c plugin/engine_impl.h plugin/engine_port.c \
	plugin/engine_post.c plugin/engine_reports.c plugin/engine_routing.c plugin/engine_status.c \
	plugin/history.c plugin/history.h plugin/port_delta.c plugin/port_delta.h \
	plugin/bulk.c plugin/bulk.h plugin/status.c plugin/status.h \
	plugin/commands.c plugin/commands.h plugin/journal.c plugin/journal.h plugin/service.c plugin/service.h \
	plugin/service_mechanism.h \
	plugin/service_modes.c plugin/services.c plugin/services.h plugin/services_act.c plugin/services_ask.c \
	plugin/services_file.c plugin/services_file.h \
	plugin/services_impl.h plugin/services_options.c plugin/services_options.h plugin/services_set.c \
	plugin/services_sweep.c
plugin_libhfplugin_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS)
plugin_libhfplugin_la_LIBADD = lib/libhfcore.la $(CONFUSE_LIBS) $(JANSSON_LIBS)
plugin_libhfplugin_la_SOURCES += plugin/service_io.c plugin/service_io.h plugin/service_nodes.c plugin/service_nodes.h
plugin_libhfplugin_la_LIBADD += lib/libhfservice.la
plugin_libhfplugin_la_SOURCES += plugin/funnel.c plugin/funnel.h

# Apart, as it needs libevent.
noinst_LTLIBRARIES += plugin/libhfplugincontrol.la
plugin_libhfplugincontrol_la_SOURCES = plugin/control.c plugin/control.h
plugin_libhfplugincontrol_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
plugin_libhfplugincontrol_la_LIBADD = lib/libhfcontrol.la

# OpenSM loads lib<event_plugin_name>.so. Its own symbols come from the opensm program, so they stay undefined here;
# with -z now one that this opensm lacks stops the load and not, later, opensm.
lib_LTLIBRARIES += plugin/libosmholdfast.la
plugin_osm_sources = plugin/plugin.c plugin/osm.c plugin/osm_tables.c plugin/osm_terms.c plugin/osm_sl.c \
	plugin/osm_bulk.c \
	plugin/osm_console.c plugin/osm_console.h plugin/osm_mlid.c plugin/osm_services.c plugin/osm_services.h \
	plugin/osm.h
plugin_osm_sources += plugin/osm_lid.c plugin/osm_modes.h plugin/osm_switchinfo.c
plugin_osm_ldflags = -module -avoid-version -shared -Wl,-z,now -Wl,--version-script=$(srcdir)/plugin/osmholdfast.map
plugin_libosmholdfast_la_SOURCES = $(plugin_osm_sources)
plugin_libosmholdfast_la_CFLAGS = $(OSM_CFLAGS) $(AM_CFLAGS) $(JANSSON_CFLAGS)
plugin_libosmholdfast_la_LDFLAGS = $(plugin_osm_ldflags)
plugin_osm_libadd = plugin/libhfplugincontrol.la plugin/libhfplugin.la
plugin_libosmholdfast_la_LIBADD = $(plugin_osm_libadd)
plugin_libosmholdfast_la_DEPENDENCIES = $(plugin_osm_libadd) plugin/osmholdfast.map
EXTRA_DIST += plugin/osmholdfast.map

# The commented options file, as the option table prints it.
noinst_PROGRAMS += plugin/print-options
plugin_print_options_SOURCES = plugin/print-options.c
plugin_print_options_LDADD = plugin/libhfplugin.la lib/libhfcore.la
opensmconfdir = $(sysconfdir)/opensm
nodist_opensmconf_DATA = plugin/osmholdfast.conf
plugin/osmholdfast.conf: plugin/print-options
	$(AM_V_GEN)plugin/print-options >$@.tmp && mv $@.tmp $@
CLEANFILES += plugin/osmholdfast.conf
