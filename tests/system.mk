# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
EXTRA_DIST += tests/run_benchmarks tests/bench_repath.sh
TESTS += tests/test_scenarios.sh
EXTRA_DIST += tests/test_scenarios.sh
TESTS += tests/test_tables.sh
EXTRA_DIST += tests/test_tables.sh
TESTS += tests/test_never_stale.sh tests/test_service_scenarios.sh
EXTRA_DIST += tests/test_never_stale.sh tests/test_service_scenarios.sh
check_PROGRAMS += tests/vm/sniff
TESTS += tests/test_vm.sh
EXTRA_DIST += tests/test_vm.sh tests/vm
