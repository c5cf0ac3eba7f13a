# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# What knows no OpenSM type; the tests link it as it is.
noinst_LTLIBRARIES += plugin/libhfplugin.la
plugin_libhfplugin_la_SOURCES = plugin/snapshot.c plugin/snapshot.h plugin/distinguisher.c plugin/distinguisher.h \
	plugin/signaller.c plugin/signaller.h plugin/reporter.c plugin/reporter.h plugin/options.c plugin/options.h \
	plugin/engine.c plugin/engine.h
plugin_libhfplugin_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
plugin_libhfplugin_la_LIBADD = lib/libhfcore.la $(JANSSON_LIBS)

# The commented options file, as the option table prints it.
noinst_PROGRAMS += plugin/print-options
plugin_print_options_SOURCES = plugin/print-options.c
plugin_print_options_LDADD = plugin/libhfplugin.la lib/libhfcore.la
opensmconfdir = $(sysconfdir)/opensm
nodist_opensmconf_DATA = plugin/osmholdfast.conf
plugin/osmholdfast.conf: plugin/print-options
	$(AM_V_GEN)plugin/print-options >$@.tmp && mv $@.tmp $@
CLEANFILES += plugin/osmholdfast.conf
