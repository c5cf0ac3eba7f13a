# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# The operator's program.
sbin_PROGRAMS += tools/holdfast
tools_holdfast_SOURCES = tools/holdfast.c tools/holdfast.h tools/holdfast_tables.c
tools_holdfast_CFLAGS = $(AM_CFLAGS) $(IBNETDISC_CFLAGS) $(IBMAD_CFLAGS) $(UMAD_CFLAGS) $(JANSSON_CFLAGS)
tools_holdfast_LDADD = lib/libhfcore.la $(IBNETDISC_LIBS) $(IBMAD_LIBS) $(UMAD_LIBS) $(JANSSON_LIBS)

# The daemon of a host.
sbin_PROGRAMS += tools/holdfastd
tools_holdfastd_SOURCES = tools/holdfastd.c tools/holdfastd_connect.c tools/holdfastd_connect.h \
	tools/holdfastd_control.c tools/holdfastd_control.h tools/holdfastd_options.c tools/holdfastd_options.h \
	tools/holdfastd_ports.c tools/holdfastd_ports.h
tools_holdfastd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tools_holdfastd_LDADD = lib/libhfhost.la $(EVENT_LIBS) $(JANSSON_LIBS)
