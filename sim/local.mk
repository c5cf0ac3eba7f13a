# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Shares the client slots of ibsim between any number of hosts.
muxdir = $(pkglibdir)
mux_PROGRAMS = hfsim-mux
hfsim_mux_SOURCES = sim/mux.c sim/mux.h sim/mux_client.c sim/mux_nodes.c sim/mux_nodes.h sim/mux_pipe.c \
	sim/mux_pipe.h sim/mux_route.c sim/mux_rover.c sim/mux_rover.h sim/mux_tags.c sim/mux_tags.h sim/mux_trunk.c
hfsim_mux_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
hfsim_mux_LDADD = lib/libhfcore.la $(EVENT_LIBS)

noinst_HEADERS += sim/ibsim_proto.h

# The pure parts of the simulated fabric: no subnet manager, no ibsim, no adapter.
noinst_LTLIBRARIES += sim/libhfsim.la
sim_libhfsim_la_SOURCES = sim/creditloop.c sim/creditloop.h sim/creditloop_graph.c sim/creditloop_graph.h \
	sim/fail.c sim/fail.h sim/scenario.c sim/scenario.h sim/scenario_build.c sim/scenario_draft.h \
	sim/scenario_read.c sim/topology.c sim/topology.h sim/topology_file.c sim/topology_generate.c
# Programs link lib/libhfcore.la behind this library.
sim_libhfsim_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS)
sim_libhfsim_la_LIBADD = $(CONFUSE_LIBS)
scenariosdir = $(pkgdatadir)/scenarios
dist_scenarios_DATA = sim/scenarios/fat-tree.conf sim/scenarios/host-loss.conf sim/scenarios/mesh-to-ring.conf \
	sim/scenarios/never-stale-daemon-restart.conf sim/scenarios/never-stale-disorder.conf \
	sim/scenarios/never-stale-fault-in-fetch.conf sim/scenarios/never-stale-lost-reports.conf \
	sim/scenarios/never-stale-lost-segments.conf sim/scenarios/never-stale-sleeper.conf \
	sim/scenarios/never-stale-sm-killed.conf sim/scenarios/never-stale-sm-restart.conf \
	sim/scenarios/never-stale-sm-stopped.conf sim/scenarios/never-stale-standby.conf \
	sim/scenarios/never-stale-ten-faults.conf sim/scenarios/ring-6.conf \
	sim/scenarios/service-automatic-failback.conf sim/scenarios/service-automatic-failback.services \
	sim/scenarios/service-failover.conf sim/scenarios/service-failover.services \
	sim/scenarios/service-heartbeat.conf sim/scenarios/service-heartbeat.services \
	sim/scenarios/service-heartbeat.hook \
	sim/scenarios/service-leave-first.conf sim/scenarios/service-leave-first.services \
	sim/scenarios/service-lid.conf sim/scenarios/service-lid.services \
	sim/scenarios/service-never-back.conf sim/scenarios/service-never-back.services \
	sim/scenarios/service-sm-lost.conf \
	sim/scenarios/service-switch-port.conf sim/scenarios/service-switch-port.services \
	sim/scenarios/two-ports.net sim/scenarios/torus-4x4x4.conf \
	sim/scenarios/two-faults.conf

# The RMPP of the simulated ib_umad, apart so that tests drive it without a fabric.
noinst_LTLIBRARIES += sim/libhfrmpp.la
sim_libhfrmpp_la_SOURCES = sim/rmpp.c sim/rmpp.h

# Captures of MADs, written by the simulated ib_umad and read by hfsim.
noinst_LTLIBRARIES += sim/libhfpcap.la
sim_libhfpcap_la_SOURCES = sim/pcap.c sim/pcap.h

# The simulated ib_umad: its pure parts apart, so that tests drive them, and the preload library.
noinst_LTLIBRARIES += sim/umad/libhfumadcore.la
sim_umad_libhfumadcore_la_SOURCES = sim/umad/agent.c sim/umad/agent.h sim/umad/disorder.c sim/umad/disorder.h \
	sim/umad/mad.h sim/umad/sysfs.c sim/umad/sysfs.h sim/umad/transaction.c sim/umad/transaction.h
sim_umad_libhfumadcore_la_LIBADD = sim/libhfrmpp.la

pkglib_LTLIBRARIES += libhfsim-umad.la
libhfsim_umad_la_SOURCES = sim/umad/adapter.c sim/umad/adapter.h sim/umad/capture.c sim/umad/capture.h \
	sim/umad/engine.c sim/umad/engine.h sim/umad/fd_table.c sim/umad/fd_table.h sim/umad/file.c sim/umad/file.h \
	sim/umad/ibsim_link.c sim/umad/ibsim_link.h sim/umad/interpose.c sim/umad/lock.h sim/umad/mad_layer.c \
	sim/umad/mad_layer.h
# A fortified header would define the very functions that interpose.c defines.
libhfsim_umad_la_CPPFLAGS = $(AM_CPPFLAGS) -U_FORTIFY_SOURCE
libhfsim_umad_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,now -Wl,-z,defs \
	-Wl,--version-script=$(top_srcdir)/sim/umad/interpose.map
libhfsim_umad_la_LIBADD = sim/umad/libhfumadcore.la sim/libhfpcap.la -ldl
EXTRA_libhfsim_umad_la_DEPENDENCIES = sim/umad/interpose.map
EXTRA_DIST += sim/umad/interpose.map

# What ibsim's SMA does not keep: its pure parts apart, so that tests drive them, and the preload library for ibsim.
noinst_LTLIBRARIES += sim/sma/libhfsmacore.la
sim_sma_libhfsmacore_la_SOURCES = sim/sma/exchange.c sim/sma/exchange.h sim/sma/sma.c sim/sma/sma.h sim/sma/smp.h \
	sim/sma/store.c sim/sma/store.h

pkglib_LTLIBRARIES += libhfsim-sma.la
libhfsim_sma_la_SOURCES = sim/sma/interpose.c sim/sma/map.c sim/sma/map.h
libhfsim_sma_la_CPPFLAGS = $(AM_CPPFLAGS) -U_FORTIFY_SOURCE
libhfsim_sma_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,now -Wl,-z,defs \
	-Wl,--version-script=$(top_srcdir)/sim/sma/interpose.map
libhfsim_sma_la_LIBADD = sim/sma/libhfsmacore.la -ldl
EXTRA_libhfsim_sma_la_DEPENDENCIES = sim/sma/interpose.map
EXTRA_DIST += sim/sma/interpose.map

# What all processes of a simulation see of the fabric.
noinst_LTLIBRARIES += sim/libhffabric.la
sim_libhffabric_la_SOURCES = sim/fabric_map.c sim/fabric_map.h sim/ibsim_memory.h

# Shows it.
mux_PROGRAMS += hfsim-fabric
hfsim_fabric_SOURCES = sim/fabric_tool.c
hfsim_fabric_LDADD = sim/libhffabric.la

# Simulated adapters for verbs programs: the parts that tests drive alone, and the preload library.
noinst_LTLIBRARIES += sim/verbs/libhfverbscore.la
sim_verbs_libhfverbscore_la_SOURCES = sim/verbs/endpoint.c sim/verbs/endpoint.h sim/verbs/packet.c sim/verbs/packet.h \
	sim/verbs/ring.c sim/verbs/ring.h

pkglib_LTLIBRARIES += libhfsim-verbs.la
libhfsim_verbs_la_SOURCES = lib/crc32.c lib/qp_state.c sim/verbs/adapter.h sim/verbs/completion.c sim/verbs/context.c \
	sim/verbs/device.c sim/verbs/event_queue.c sim/verbs/event_queue.h sim/verbs/exports.h sim/verbs/interpose.c \
	sim/verbs/memory.c sim/verbs/post.c sim/verbs/queue_pair.c sim/verbs/receive.c sim/verbs/requester.c \
	sim/verbs/responder.c sim/verbs/wire.c
libhfsim_verbs_la_CPPFLAGS = $(AM_CPPFLAGS)
libhfsim_verbs_la_CFLAGS = $(AM_CFLAGS) $(VERBS_CFLAGS)
# It needs libibverbs though it uses no symbol of it: for what it finds behind itself.
libhfsim_verbs_la_LDFLAGS = -Wl,--push-state,--no-as-needed,-libverbs,--pop-state -module -avoid-version -shared -Wl,-z,now -Wl,-z,defs \
	-Wl,--version-script=$(top_srcdir)/sim/verbs/interpose.map
libhfsim_verbs_la_LIBADD = sim/verbs/libhfverbscore.la sim/libhffabric.la -ldl
EXTRA_libhfsim_verbs_la_DEPENDENCIES = sim/verbs/interpose.map
EXTRA_DIST += sim/verbs/interpose.map
