#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Real queue pairs: Debian's kernel with rdma_rxe in a virtual machine. What is tested there stands in vm/guest, and
# each case of it is one here. Its answers to each transition of a queue pair are then held to those of a simulated
# adapter.
. "$top_srcdir/tests/tap.sh"
. "$top_srcdir/tests/plugin.sh"

need qemu-system-x86_64 busybox cpio modprobe ip rdma tc ibv_rc_pingpong ib_send_bw
vm=$top_srcdir/tests/vm
tests=$top_builddir/tests
kernel=$top_builddir/vm/kernel
[ -e "$kernel/complete" ] || skip "there is no kernel in $kernel: ./quickstart check-vm fetches it"

make_image() {
	"$vm/make_image" "$kernel" image "$vm/guest" "$vm/moves.sh" "$top_srcdir/tests/tap.sh" "$tests/verbs_tool" \
		"$tests/preload_order" "$tests/program_daemon" "$tests/vm/sniff" ibv_rc_pingpong ibv_uc_pingpong \
		ib_send_bw ib_send_lat rping "$top_builddir/lib/.libs/libholdfast-verbs.so"
}
boot() {
	"$vm/boot" "$kernel" image .
	boot_rc=$?
	cp console results "$top_builddir/vm/"
	[ "$boot_rc" -eq 0 ] || tail -n 40 console results
	return "$boot_rc"
}

# Its cases become ours.
tell_results() {
	while read -r word rest; do
		case "$word $rest" in
		"ok "*) tap_result 0 "${rest#* - }" ;;
		"not ok "*) tap_result 1 "${rest#* - }" ;;
		"# "*) note "$rest" ;;
		esac
	done <results
}
planned() { sed -n 's/^1\.\.//p' results; }
is_complete() { [ "$(grep -c '^\(not \)\?ok ' results)" -eq "$(planned)" ]; }

simulate() {
	ibsim_env="LD_PRELOAD=$top_builddir/.libs/libhfsim-sma.so HF_FABRIC_MAP=$work/map" start_fabric &&
		start_opensm '(null)' && HF_FABRIC_MAP=$work/map HF_VERBS_MODEL=rxe HF_UMAD_NODES="H_0_0_0 H_2_1_0" \
		LD_PRELOAD=$top_builddir/.libs/libhfsim-verbs.so timeout 120 "$tests/verbs_tool" answers >simulated
}
tell_comparison() {
	sed -n 's/^answer //p' results >real
	awk -f "$vm/compare.awk" "$vm/differences" simulated real >comparison
	while read -r word rest; do
		case $word in
		"#") note "$rest" ;;
		*) tap_result "$word" "$rest" ;;
		esac
	done <comparison
}

try "the image" make_image
try "the virtual machine runs to its end" boot
try "it has done all that it planned" is_complete
tell_results
try "the answers of a simulated adapter" simulate
tell_comparison
plan "$tap_count"
