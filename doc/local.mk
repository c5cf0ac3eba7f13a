# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
dist_man_MANS += doc/hfsim-mux.1
dist_man_MANS += doc/hfsim-sma.7
dist_man_MANS += doc/hfsim-verbs.7
dist_man_MANS += doc/holdfast-scenario.5
dist_man_MANS += doc/holdfastd.8 doc/holdfastd.conf.5 doc/holdfastd.services.5
dist_man_MANS += doc/hfsim.1 doc/holdfast-snapshot.5 doc/holdfast-trace.5 doc/holdfast.8
dist_man_MANS += doc/osmholdfast.conf.5
dist_man_MANS += doc/holdfast-services.5
dist_man_MANS += doc/hfsim-traffic.1
dist_man_MANS += doc/libholdfast-verbs.7
