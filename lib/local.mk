# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# What the plugin, the library and the programs share.
noinst_LTLIBRARIES += lib/libhfcore.la
lib_libhfcore_la_SOURCES = lib/crc32.c lib/crc32.h lib/delta.h lib/delta_decode.c lib/delta_encode.c \
	lib/delta_layout.h lib/log.c lib/log.h lib/options.c lib/options.h lib/trace.c lib/trace.h lib/umad_io.c lib/umad_io.h lib/wire.c lib/wire.h
lib_libhfcore_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS) $(UMAD_CFLAGS)
lib_libhfcore_la_LIBADD = $(CONFUSE_LIBS) $(JANSSON_LIBS) $(UMAD_LIBS)

# What nodes of services and the SM say to each other.
noinst_LTLIBRARIES += lib/libhfservice.la
lib_libhfservice_la_SOURCES = lib/heartbeat.c lib/heartbeat.h lib/key.c lib/key.h lib/node_service.c \
	lib/node_service.h lib/service_wire.c lib/service_wire.h lib/stamp.c lib/stamp.h
lib_libhfservice_la_CFLAGS = $(AM_CFLAGS) $(NETTLE_CFLAGS)
lib_libhfservice_la_LIBADD = $(NETTLE_LIBS)

# What holdfastd carries from a program to the one at the other end.
noinst_LTLIBRARIES += lib/libhfpeer.la
lib_libhfpeer_la_SOURCES = lib/peer_wire.c lib/peer_wire.h

# What holdfastd and programs say to each other; needs no other library, as it is loaded into programs.
noinst_LTLIBRARIES += lib/libhfprogram.la
lib_libhfprogram_la_SOURCES = lib/program_wire.c lib/program_wire.h

# Unix sockets that are listened on, for programs with a loop of libevent's.
noinst_LTLIBRARIES += lib/libhfcontrol.la
lib_libhfcontrol_la_SOURCES = lib/control.c lib/control.h lib/local_socket.c lib/local_socket.h
lib_libhfcontrol_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
lib_libhfcontrol_la_LIBADD = $(EVENT_LIBS) $(JANSSON_LIBS)

# The daemon's end of what programs say, beside a control socket.
noinst_LTLIBRARIES += lib/libhfprogramserver.la
lib_libhfprogramserver_la_SOURCES = lib/program_server.c lib/program_server.h
lib_libhfprogramserver_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
lib_libhfprogramserver_la_LIBADD = lib/libhfprogram.la $(EVENT_LIBS)

# The host side. Its parts are a convenience library, so that tests and holdfastd see more than the public interface.
noinst_LTLIBRARIES += lib/libhfhost.la
lib_libhfhost_la_SOURCES = lib/connection.c lib/connection.h lib/gid.c lib/gid.h lib/hash.h lib/host.c \
	lib/host_private.h lib/host_program.c lib/path_cache.c lib/path_cache.h lib/qp_state.c lib/qp_state.h \
	lib/reconciler.c lib/reconciler.h \
	lib/sa_client.c lib/sa_client.h lib/sa_client_impl.h lib/sa_delta.c lib/sa_query.c lib/sa_report.c \
	lib/sa_subscription.c lib/sa_table.c lib/sa_table.h lib/sim_qp.c lib/sim_qp.h lib/strategy.c \
	lib/strategy.h lib/strategy_program.c lib/strategy_program.h lib/strategy_simulated.c
lib_libhfhost_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
lib_libhfhost_la_LIBADD = lib/libhfcore.la

lib_LTLIBRARIES += lib/libholdfast.la
lib_libholdfast_la_SOURCES =
lib_libholdfast_la_LIBADD = lib/libhfhost.la
lib_libholdfast_la_LDFLAGS = -version-info 0:0:0 -Wl,--version-script=$(srcdir)/lib/holdfast.map -Wl,-z,defs
EXTRA_lib_libholdfast_la_DEPENDENCIES = lib/holdfast.map
EXTRA_DIST += lib/holdfast.map
holdfastincludedir = $(includedir)/holdfast
holdfastinclude_HEADERS = include/holdfast/host.h include/holdfast/log.h

# What programs load: their queue pairs are moved when their paths change. It is to be found by its bare name. All but
# what stands in front of libibverbs is a convenience library, for tests.
noinst_LTLIBRARIES += lib/libhfverbs.la
lib_libhfverbs_la_SOURCES = lib/log.c lib/log.h lib/verbs/completion_queue.c lib/verbs/completion_queue.h \
	lib/verbs/data_path.c lib/verbs/data_path.h lib/verbs/handshake.c lib/verbs/handshake.h lib/verbs/ledger.c \
	lib/verbs/ledger.h lib/verbs/ledger_inline.h lib/verbs/ledger_restart.c lib/verbs/ledger_slots.h \
	lib/verbs/move.c lib/verbs/move.h lib/verbs/own_fd.c lib/verbs/own_fd.h lib/verbs/poll_facade.c \
	lib/verbs/posting.c lib/verbs/probe.c lib/verbs/probe.h lib/verbs/queue_pair.c lib/verbs/queue_pair.h \
	lib/verbs/real.c lib/verbs/real.h lib/verbs/registry.c lib/verbs/send_facade.c lib/verbs/session.c \
	lib/verbs/session.h lib/verbs/settings.c lib/verbs/settings.h lib/verbs/shared_receives.c \
	lib/verbs/shared_receives.h lib/verbs/short_lock.c lib/verbs/short_lock.h lib/verbs/strategy.c \
	lib/verbs/strategy.h lib/verbs/strategy_apm.c lib/verbs/strategy_reset.c lib/verbs/strategy_sqd.c \
	lib/verbs/work.c lib/verbs/work.h
lib_libhfverbs_la_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
lib_libhfverbs_la_LIBADD = lib/libhfprogram.la $(VERBS_LIBS) -ldl

lib_LTLIBRARIES += lib/libholdfast-verbs.la
lib_libholdfast_verbs_la_SOURCES = lib/verbs/interpose.c
lib_libholdfast_verbs_la_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
# It stays: its thread runs in it. It needs libibverbs also for what it only finds behind itself.
lib_libholdfast_verbs_la_LDFLAGS = -Wl,--push-state,--no-as-needed,-libverbs,--pop-state -version-info 0:0:0 \
	-Wl,-z,now -Wl,-z,defs -Wl,-z,nodelete -Wl,--version-script=$(top_srcdir)/lib/verbs/interpose.map
lib_libholdfast_verbs_la_LIBADD = lib/libhfverbs.la
EXTRA_lib_libholdfast_verbs_la_DEPENDENCIES = lib/verbs/interpose.map
EXTRA_DIST += lib/verbs/interpose.map
