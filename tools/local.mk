# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB

# The operator's program.
sbin_PROGRAMS += tools/holdfast
tools_holdfast_SOURCES = tools/control_client.c tools/control_client.h tools/holdfast.c tools/holdfast.h \
	tools/holdfast_diff.c tools/holdfast_names.c tools/holdfast_names.h tools/holdfast_reader.c \
	tools/holdfast_reader.h tools/holdfast_services.c tools/holdfast_status.c tools/holdfast_tables.c tools/sa_paths.c tools/sa_paths.h
tools_holdfast_CFLAGS = $(AM_CFLAGS) $(IBNETDISC_CFLAGS) $(IBMAD_CFLAGS) $(UMAD_CFLAGS) $(JANSSON_CFLAGS)
tools_holdfast_LDADD = plugin/libhfplugin.la lib/libhfhost.la $(IBNETDISC_LIBS) $(IBMAD_LIBS) $(UMAD_LIBS) \
	$(JANSSON_LIBS)

# The daemon of a host.
sbin_PROGRAMS += tools/holdfastd
tools_holdfastd_SOURCES = tools/holdfastd.c tools/holdfastd_agent.c tools/holdfastd_agent.h \
	tools/holdfastd_connect.c tools/holdfastd_connect.h \
	tools/holdfastd_control.c tools/holdfastd_control.h tools/holdfastd_options.c tools/holdfastd_options.h \
	tools/holdfastd_peers.c tools/holdfastd_peers.h tools/holdfastd_ports.c tools/holdfastd_ports.h \
	tools/holdfastd_programs.c tools/holdfastd_programs.h tools/holdfastd_hook.c tools/holdfastd_hook.h \
	tools/holdfastd_services.c tools/holdfastd_services.h tools/holdfastd_services_file.c \
	tools/holdfastd_services_file.h tools/holdfastd_services_impl.h tools/holdfastd_services_ports.c \
	tools/holdfastd_services_status.c
tools_holdfastd_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(EVENT_CFLAGS) $(JANSSON_CFLAGS)
tools_holdfastd_LDADD = lib/libhfprogramserver.la lib/libhfcontrol.la lib/libhfpeer.la lib/libhfservice.la \
	lib/libhfhost.la $(CONFUSE_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS)

# The runner of scenarios. What is pure or can be tested alone is a library.
noinst_LTLIBRARIES += tools/libhfrun.la
tools_libhfrun_la_SOURCES = tools/control_client.c tools/control_client.h tools/hfsim_asker.c tools/hfsim_asker.h \
	tools/hfsim_child.c tools/hfsim_child.h \
	tools/hfsim_events.c tools/hfsim_events.h tools/hfsim_fabric.c tools/hfsim_fabric.h tools/hfsim_faults.c \
	tools/hfsim_faults.h tools/hfsim_hosts.c tools/hfsim_hosts.h tools/hfsim_ibsim.c tools/hfsim_ibsim.h \
	tools/hfsim_judge.c tools/hfsim_judge.h tools/hfsim_mads.c tools/hfsim_mads.h tools/hfsim_reach.c \
	tools/hfsim_reach.h tools/hfsim_report.c tools/hfsim_report.h tools/hfsim_result.c tools/hfsim_result.h \
	tools/hfsim_packets.c tools/hfsim_packets.h tools/hfsim_pathset.c tools/hfsim_pathset.h \
	tools/hfsim_programs.c tools/hfsim_programs.h tools/hfsim_random.h tools/hfsim_run.c tools/hfsim_run.h \
	tools/hfsim_sampler.c tools/hfsim_sampler.h tools/hfsim_setup.c tools/hfsim_setup.h tools/hfsim_soak_faults.c tools/hfsim_soak_faults.h \
	tools/hfsim_soak_plan.c tools/hfsim_soak_plan.h tools/hfsim_soak_qos.c tools/hfsim_soak_qos.h \
	tools/hfsim_soak_run.c tools/hfsim_soak_run.h tools/hfsim_tables.c \
	tools/hfsim_streams.c tools/hfsim_streams.h plugin/service_modes.c plugin/services_file.c \
	plugin/services_options.c \
	tools/hfsim_stale.c tools/hfsim_stale.h tools/hfsim_staleness.c tools/hfsim_staleness.h tools/hfsim_tables.h tools/hfsim_timeline.c tools/hfsim_timeline.h tools/hfsim_where.c tools/hfsim_where.h
tools_libhfrun_la_CPPFLAGS = $(AM_CPPFLAGS) -DHF_SBINDIR='"$(sbindir)"' -DHF_LIBDIR='"$(libdir)"'
tools_libhfrun_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS) $(JANSSON_CFLAGS) $(SMARTCOLS_CFLAGS)
tools_libhfrun_la_LIBADD = sim/libhffabric.la sim/libhfsim.la sim/libhfpcap.la lib/libhfcore.la $(JANSSON_LIBS) $(SMARTCOLS_LIBS)

bin_PROGRAMS += tools/hfsim
tools_hfsim_SOURCES = tools/hfsim.c tools/hfsim.h tools/hfsim_answer.c tools/hfsim_command.c tools/hfsim_files.c \
	tools/hfsim_soak.c tools/sa_paths.c tools/sa_paths.h
tools_hfsim_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SMARTCOLS_CFLAGS)
tools_hfsim_LDADD = tools/libhfrun.la lib/libhfhost.la

# What sends to services in a run, and receives.
traffic_PROGRAMS = hfsim-traffic
trafficdir = $(pkglibdir)
hfsim_traffic_SOURCES = tools/hfsim_traffic.c tools/hfsim_packets.h
hfsim_traffic_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
hfsim_traffic_LDADD = sim/libhffabric.la lib/libhfhost.la $(JANSSON_LIBS)
