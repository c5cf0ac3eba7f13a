# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
noinst_HEADERS += sim/rmpp.h
noinst_HEADERS += sim/ibsim_proto.h
