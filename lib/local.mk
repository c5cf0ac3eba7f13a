# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# What the plugin, the library and the programs share.
noinst_LTLIBRARIES += lib/libhfcore.la
lib_libhfcore_la_SOURCES = lib/wire.c lib/wire.h lib/log.c lib/log.h lib/trace.c lib/trace.h lib/options.c \
	lib/options.h lib/umad_io.c lib/umad_io.h
lib_libhfcore_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS) $(UMAD_CFLAGS)
lib_libhfcore_la_LIBADD = $(CONFUSE_LIBS) $(JANSSON_LIBS) $(UMAD_LIBS)
