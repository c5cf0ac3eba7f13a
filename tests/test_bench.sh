#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Each benchmark of the distinguisher runs, on a fabric that is far too small to say anything, and yields the figures
# that it names.
. "$top_srcdir/tests/tap.sh"
need ibsim opensm jq valgrind
cd "$work" || exit 99

figures() { jq -r .figure figures.json | sort; }
all_are_numbers() { jq -s -e 'length > 0 and all(.[] | .ours, .reference; type == "number")' figures.json; }

# yields BENCHMARK [argument ...]: the same figures as with --figures in front.
yields() {
	benchmark=$1
	shift
	: >figures.json
	HF_BENCH_JSON=$work/figures.json timeout 300 "$benchmark" "$@" || return 1
	"$benchmark" --figures "$@" | sort >names
	figures | diff names - && all_are_numbers
}

# What it cannot leave out is yielded, too.
measures_little() {
	: >figures.json
	HF_BENCH_JSON=$work/figures.json HF_BENCH_FIGURES=mads_targeted_vs_hybrid_host \
		timeout 300 "$top_srcdir/tests/bench_signalling.sh" mesh:3x2:1:lash:8 || return 1
	printf '%s\n' bytes_per_change mads_targeted_vs_floor_host mads_targeted_vs_hybrid_host >names
	figures | diff names -
}

plan 10
try 'compares snapshots' \
	yields "$top_builddir/tests/bench_distinguisher" --rounds 3 torus:3x3x3:2 leaf-spine:4x2:2
try 'reads a fabric from a file' \
	sh -c '"$1/tests/topology_tool" generate mesh 3x2 1 >mesh.net && "$1/tests/bench_distinguisher" mesh.net' - \
	"$top_builddir"
try 'records work requests' yields "$top_builddir/tests/bench_record" --rounds 1
try 'counts instructions' yields "$top_srcdir/tests/bench_instructions.sh" torus:3x3x3:2
try 'takes snapshots in opensm' yields "$top_srcdir/tests/bench_snapshot.sh" --rounds 2 torus:3x3x3:2:torus-2QoS \
	mesh:3x3x3:1:lash
try 'compares the signalling modes' \
	yields "$top_srcdir/tests/bench_signalling.sh" --faults 2 --rounds 2 --latency mesh:3x2:1:lash:8 mesh:3x2:1:lash:8
try 'or only what is asked for' measures_little
try 'breaks cables' yields "$top_srcdir/tests/bench_sweep.sh" --turns 1 --faults 1 torus:3x3x3:2:torus-2QoS \
	mesh:3x3x3:1:lash
try 'runs perftest on simulated adapters' yields "$top_srcdir/tests/bench_verbs.sh" --turns 1
try 'moves programs' yields "$top_srcdir/tests/bench_preload.sh" --turns 1 --runs 1
