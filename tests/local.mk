# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Every test speaks TAP, so automake counts single tests, not programs.
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
TEST_EXTENSIONS = .sh
SH_LOG_DRIVER = $(LOG_DRIVER)
SH_LOG_COMPILER = $(SHELL)
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	export top_srcdir top_builddir;
CHECK_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
noinst_HEADERS += tests/check_main.h
EXTRA_DIST += tests/tap.sh tests/ibsim.sh

include tests/lib.mk
include tests/model.mk
include tests/plugin.mk
include tests/reset.mk
include tests/sim.mk
include tests/tools.mk
include tests/service.mk
include tests/system.mk
include tests/bench.mk
