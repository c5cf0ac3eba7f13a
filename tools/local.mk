# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# The operator's program.
sbin_PROGRAMS += tools/holdfast
tools_holdfast_SOURCES = tools/holdfast.c tools/holdfast.h tools/holdfast_tables.c
tools_holdfast_CFLAGS = $(AM_CFLAGS) $(IBNETDISC_CFLAGS) $(IBMAD_CFLAGS) $(UMAD_CFLAGS) $(JANSSON_CFLAGS)
tools_holdfast_LDADD = lib/libhfcore.la $(IBNETDISC_LIBS) $(IBMAD_LIBS) $(UMAD_LIBS) $(JANSSON_LIBS)
