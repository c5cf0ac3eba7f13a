/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <iba/ib_types.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/wire.h"

/* Bytes at offsets that the IBA gives, counted by hand: the structs in wire.h are not used to read them. */
static uint64_t number_at(const void *mad, size_t offset, size_t bytes)
{
	const uint8_t *at = (const uint8_t *)mad + offset;
	uint64_t number = 0;

	while (bytes--)
		number = number << 8 | *at++;
	return number;
}

START_TEST(header_of_a_request)
{
	struct hf_sa_mad mad;

	memset(&mad, 0xff, sizeof(mad));
	hf_sa_mad_init(&mad, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, 0x1122334455667788);
	ck_assert_uint_eq(number_at(&mad, 0, 4), 0x01030212);
	ck_assert_uint_eq(number_at(&mad, 4, 4), 0);
	ck_assert_uint_eq(number_at(&mad, 8, 8), 0x1122334455667788);
	ck_assert_uint_eq(number_at(&mad, 16, 2), 0x0035);
	for (size_t i = 18; i < sizeof(mad); i++)
		ck_assert_uint_eq(number_at(&mad, i, 1), 0);
}
END_TEST

START_TEST(inform_info)
{
	struct hf_inform_info info;

	hf_inform_info_init(&info, HF_TRAP_REPATH, true);
	ck_assert_uint_eq(number_at(&info, 0, 8) | number_at(&info, 8, 8), 0);
	ck_assert_uint_eq(number_at(&info, 16, 2), 0xffff);	/* LIDRangeBegin: all */
	ck_assert_uint_eq(number_at(&info, 22, 2), 0x0101);	/* IsGeneric, Subscribe */
	ck_assert_uint_eq(number_at(&info, 24, 2), 0xffff);	/* Type: all */
	ck_assert_uint_eq(number_at(&info, 26, 2), 69);
	ck_assert_uint_eq(number_at(&info, 28, 3), 1);		/* QPN */
	ck_assert_uint_eq(number_at(&info, 33, 3), 0xffffff);	/* ProducerType: all */
	hf_inform_info_init(&info, HF_TRAP_UNPATH, false);
	ck_assert_uint_eq(number_at(&info, 22, 2), 0x0100);
	ck_assert_uint_eq(number_at(&info, 26, 2), 68);
}
END_TEST

START_TEST(notice_of_trap_69)
{
	const union hf_gid issuer = { .prefix = htobe64(0xfe80000000000000), .guid = htobe64(0x1234) };
	struct hf_path_record path = { .dlid = htobe16(0x5678) };
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_REPORT, HF_ATTR_NOTICE, 1);
	hf_repath_notice_init((struct hf_repath_notice *)mad.data, HF_TRAP_REPATH, 3, &issuer,
			      HF_PR_COMP_SGID | HF_PR_COMP_DGID, &path, true);
	ck_assert_uint_eq(number_at(&mad, 56, 1) & 0x80, 0x80);	/* generic */
	ck_assert_uint_eq(number_at(&mad, 57, 3), 4);		/* producer: class manager */
	ck_assert_uint_eq(number_at(&mad, 60, 2), 69);
	ck_assert_uint_eq(number_at(&mad, 62, 2), 3);
	ck_assert_uint_eq(number_at(&mad, 66, 8), 0x0c);	/* COMP_MASK */
	ck_assert_uint_eq(number_at(&mad, 74, 1), 0x80);	/* WAIT_FOR_REPATH */
	ck_assert_uint_eq(number_at(&mad, 128, 8), 0x1234);
	ck_assert_uint_eq(number_at(&mad, 136 + 40, 2), 0x5678);
}
END_TEST

START_TEST(path_record_codes)
{
	const struct hf_path_record path = {
		.qos_class_sl = htobe16(0xabc7), .mtu = 0x84, .rate = 0x87, .pkt_life = 0x92,
	};

	ck_assert_uint_eq(hf_path_record_sl(&path), 7);
	ck_assert_uint_eq(hf_path_record_mtu(&path), 4);
	ck_assert_uint_eq(hf_path_record_rate(&path), 7);
	ck_assert_uint_eq(hf_path_record_pkt_life(&path), 18);
}
END_TEST

START_TEST(gids_as_text)
{
	union hf_gid gid, untouched;

	ck_assert_int_eq(hf_gid_parse("fe80::268:6600:200:101", &gid), 0);
	ck_assert_uint_eq(be64toh(gid.prefix), 0xfe80000000000000);
	ck_assert_uint_eq(be64toh(gid.guid), 0x0268660002000101);
	ck_assert_str_eq(hf_gid_format(&gid).text, "fe80::268:6600:200:101");
	untouched = gid;
	ck_assert_int_ne(hf_gid_parse("fe80:268", &gid), 0);
	ck_assert_int_ne(hf_gid_parse("", &gid), 0);
	ck_assert(hf_gid_is_equal(&gid, &untouched));
}
END_TEST

START_TEST(component_mask_is_opensms)
{
	static const struct {
		uint64_t ours, opensms;
	} bits[] = {
		{ HF_PR_COMP_DGID, IB_PR_COMPMASK_DGID }, { HF_PR_COMP_SGID, IB_PR_COMPMASK_SGID },
		{ HF_PR_COMP_DLID, IB_PR_COMPMASK_DLID }, { HF_PR_COMP_SLID, IB_PR_COMPMASK_SLID },
		{ HF_PR_COMP_REVERSIBLE, IB_PR_COMPMASK_REVERSIBLE },
		{ HF_PR_COMP_NUMB_PATH, IB_PR_COMPMASK_NUMBPATH }, { HF_PR_COMP_PKEY, IB_PR_COMPMASK_PKEY },
		{ HF_PR_COMP_SL, IB_PR_COMPMASK_SL }, { HF_PR_COMP_MTU, IB_PR_COMPMASK_MTU },
		{ HF_PR_COMP_RATE, IB_PR_COMPMASK_RATE }, { HF_PR_COMP_PKT_LIFE, IB_PR_COMPMASK_PKTLIFETIME },
	};

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		ck_assert_uint_eq(htobe64(bits[i].ours), bits[i].opensms);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire");
	TCase *tcase = tcase_create("wire");

	tcase_add_test(tcase, header_of_a_request);
	tcase_add_test(tcase, inform_info);
	tcase_add_test(tcase, notice_of_trap_69);
	tcase_add_test(tcase, path_record_codes);
	tcase_add_test(tcase, component_mask_is_opensms);
	tcase_add_test(tcase, gids_as_text);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
