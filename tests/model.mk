# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
TESTS += tests/test_model.sh
EXTRA_DIST += tests/test_model.sh tests/model/updates.pml
