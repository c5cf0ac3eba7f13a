/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "delta_parts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LIDS	HF_DELTA_MAX
#define SEEDS	40

static struct delta_parts *parts, *again, *third;
static uint64_t random_state;

static void setup(void)
{
	parts = delta_parts_new();
	again = delta_parts_new();
	third = delta_parts_new();
}

static void teardown(void)
{
	delta_parts_free(parts);
	delta_parts_free(again);
	delta_parts_free(third);
}

static void seed(unsigned int number)
{
	printf("# seed %u\n", number);
	random_state = 0x9e3779b97f4a7c15 * (number + 1);
}

static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static size_t below(size_t limit)
{
	return next_random() % limit;
}

#define SHUFFLE(array, count) do { \
	for (size_t i_ = (count); i_ > 1; i_--) { \
		size_t j_ = below(i_); \
		typeof(*(array)) keep_ = (array)[i_ - 1]; \
		(array)[i_ - 1] = (array)[j_]; \
		(array)[j_] = keep_; \
	} \
} while (0)

/* Different from each other: an odd factor permutes the numbers of 64 bits. */
static uint64_t some_guid(size_t number)
{
	return (number + 1) * (random_state | 1);
}

static struct hf_delta_terms some_terms(size_t kinds)
{
	size_t kind = below(kinds);

	return (struct hf_delta_terms){
		.pkey = kind % 3 ? 0xffff : 0x8001,
		.sl = kind % 16,
		.mtu = 1 + kind / 16 % 5,
		.rate = 2 + kind / 80 % 8,
		.pkt_life = kind & 1 ? 18 : 63,
	};
}

/* As vendors number their GUIDs: those of one fabric lie some 500000 apart. */
static uint64_t real_guid(size_t number)
{
	return 0x0002c903004f6e00 + (number << 19) + below(1 << 19);
}

static void fill_lids(uint16_t *lids)
{
	for (size_t i = 0; i < LIDS; i++)
		lids[i] = i + 1;
}

/* Of half of the switches both what hangs there and the own port; often with one SL, and then mostly alike. */
static void fill_sites(const uint16_t *numbers, size_t count, size_t kinds)
{
	struct hf_delta_terms own = some_terms(kinds);
	struct hf_delta *delta = &parts->delta;

	delta->n_sites = 0;
	for (size_t i = 0; i < count; i++) {
		struct hf_delta_site site = { .site = hf_site(numbers[i] - 1, below(2)), .terms = some_terms(kinds) };

		delta->sites[delta->n_sites++] = site;
		if (hf_site_is_own_port(site.site))
			continue;
		site.site++;
		if (below(4)) {
			own.sl = site.terms.sl;
			site.terms = own;
		} else if (below(2)) {
			site.terms = some_terms(kinds);
		}
		delta->sites[delta->n_sites++] = site;
	}
	delta->covered = delta->n_sites ? below(HF_DELTA_MAX + 1) : 0;
	delta->covered_sum = delta->n_sites ? next_random() : 0;
}

/* Up to @max of each kind. */
static void fill_random(size_t max, size_t kinds)
{
	struct hf_delta *delta = &parts->delta;
	uint16_t lids[LIDS];

	fill_lids(lids);
	delta->n_gone = below(max + 1);
	for (size_t i = 0; i < delta->n_gone; i++)
		delta->gone[i] = some_guid(i);
	delta->n_named = below(max + 1);
	SHUFFLE(lids, LIDS);
	for (size_t i = 0; i < delta->n_named; i++)
		delta->named[i] = (struct hf_delta_name){ some_guid(i), lids[i], below(HF_SITE_LAST + 1) };
	SHUFFLE(lids, LIDS);
	delta->n_paths = below(max + 1);
	for (size_t i = 0; i < delta->n_paths; i++)
		delta->paths[i] = (struct hf_delta_path){ lids[i], some_terms(kinds) };
	SHUFFLE(lids, LIDS);
	fill_sites(lids, below(max + 1), kinds);
}

static bool same_terms(const struct hf_delta_terms *a, const struct hf_delta_terms *b)
{
	return a->pkey == b->pkey && a->sl == b->sl && a->mtu == b->mtu && a->rate == b->rate &&
	       a->pkt_life == b->pkt_life;
}

static int compare_sites(const void *a, const void *b)
{
	return (int)((const struct hf_delta_site *)a)->site - (int)((const struct hf_delta_site *)b)->site;
}

static void sort_sites(const struct hf_delta *delta)
{
	qsort(delta->sites, delta->n_sites, sizeof(*delta->sites), compare_sites);
}

static void expect_same(const struct hf_delta *a, const struct hf_delta *b)
{
	ck_assert_uint_eq(a->n_gone, b->n_gone);
	ck_assert_uint_eq(a->n_named, b->n_named);
	ck_assert_uint_eq(a->n_paths, b->n_paths);
	for (size_t i = 0; i < a->n_gone; i++)
		ck_assert_uint_eq(a->gone[i], b->gone[i]);
	for (size_t i = 0; i < a->n_named; i++) {
		ck_assert_uint_eq(a->named[i].guid, b->named[i].guid);
		ck_assert_uint_eq(a->named[i].lid, b->named[i].lid);
		ck_assert_uint_eq(a->named[i].site, b->named[i].site);
	}
	for (size_t i = 0; i < a->n_paths; i++) {
		ck_assert_uint_eq(a->paths[i].lid, b->paths[i].lid);
		ck_assert(same_terms(&a->paths[i].terms, &b->paths[i].terms));
	}
	ck_assert_uint_eq(a->n_sites, b->n_sites);
	sort_sites(a);
	sort_sites(b);
	for (size_t i = 0; i < a->n_sites; i++) {
		ck_assert_uint_eq(a->sites[i].site, b->sites[i].site);
		ck_assert(same_terms(&a->sites[i].terms, &b->sites[i].terms));
	}
	ck_assert_uint_eq(a->covered, b->covered);
	ck_assert_uint_eq(a->covered_sum, b->covered_sum);
}

static size_t count_items(const struct hf_delta *delta)
{
	return delta->n_gone + delta->n_named + delta->n_paths + delta->n_sites;
}

static const size_t sizes[] = { 1, 4, 40, 400, 10000 };

START_TEST(what_is_written_is_read)
{
	size_t length;
	uint8_t *body;

	seed(_i);
	fill_random(sizes[_i % 5], 1 + below(300));
	body = delta_parts_write(parts, &length);
	ck_assert_uint_le(length, hf_delta_max_bytes(&parts->delta));
	ck_assert_int_eq(delta_parts_read(again, body, length), 0);
	expect_same(&parts->delta, &again->delta);
	free(body);
}
END_TEST

START_TEST(the_order_of_items_makes_no_difference)
{
	size_t length, shuffled_length;
	uint8_t *body, *shuffled;

	seed(_i);
	fill_random(sizes[_i % 5], 20);
	body = delta_parts_write(parts, &length);
	SHUFFLE(parts->gone, parts->delta.n_gone);
	SHUFFLE(parts->named, parts->delta.n_named);
	SHUFFLE(parts->paths, parts->delta.n_paths);
	SHUFFLE(parts->sites, parts->delta.n_sites);
	shuffled = delta_parts_write(parts, &shuffled_length);
	ck_assert_uint_eq(length, shuffled_length);
	ck_assert_mem_eq(body, shuffled, length);
	free(body);
	free(shuffled);
}
END_TEST

/* Where less than one of a body's bytes is there, reading must stop; the block has exactly that length. */
START_TEST(every_truncation_is_refused)
{
	size_t length;
	uint8_t *body;

	seed(_i);
	fill_random(sizes[_i % 3], 5);
	body = delta_parts_write(parts, &length);
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t *exact = malloc(cut ? cut : 1);

		memcpy(exact, body, cut);
		ck_assert_int_eq(delta_parts_read(again, exact, cut), -EBADMSG);
		free(exact);
	}
	ck_assert_uint_eq(count_items(&again->delta), 0);
	free(body);
}
END_TEST

static void forget(struct delta_parts *items)
{
	struct hf_delta *delta = &items->delta;

	delta->n_gone = delta->n_named = delta->n_paths = delta->n_sites = 0;
	delta->covered = delta->covered_sum = 0;
}

/* Return: whether @body is good. */
static bool expect_refused_or_same(const uint8_t *body, size_t length)
{
	size_t again_length;
	uint8_t *again_body;

	forget(again);
	if (delta_parts_read(again, body, length)) {
		ck_assert_uint_eq(count_items(&again->delta), 0);
		return false;
	}
	again_body = delta_parts_write(again, &again_length);
	forget(third);
	ck_assert_int_eq(delta_parts_read(third, again_body, again_length), 0);
	expect_same(&again->delta, &third->delta);
	/* How sites are listed is the writer's choice; all else has one form. */
	if (again->delta.n_sites == 0) {
		ck_assert_uint_eq(again_length, length);
		ck_assert_mem_eq(again_body, body, length);
	}
	free(again_body);
	return true;
}

START_TEST(every_changed_byte_is_refused_or_means_something_else)
{
	size_t length, good = 0;
	uint8_t *body;

	seed(_i);
	fill_random(sizes[_i % 3], 5);
	body = delta_parts_write(parts, &length);
	for (size_t at = 0; at < length; at++) {
		uint8_t right = body[at];

		for (unsigned int flip = 1; flip < 256; flip++) {
			body[at] = right ^ flip;
			good += expect_refused_or_same(body, length);
		}
		body[at] = right;
	}
	printf("# %zu of %zu mutations are other good bodies\n", good, length * 255);
	free(body);
}
END_TEST

#define REST	0xff, 0xff, 4, 7, 18
#define BODY(...) { .bytes = { __VA_ARGS__ }, .length = sizeof((uint8_t[]){ __VA_ARGS__ }) }

static const struct {
	uint8_t bytes[40];
	size_t length;
} bad_bodies[] = {
	{ .length = 0 },
	BODY(0),
	BODY(0, 0),
	BODY(0, 0, 0),
	BODY(0, 0, 0, 0, 0),						/* something behind the end */
	BODY(0x80, 0, 0, 0, 0),							/* 0 in two bytes */
	BODY(1, 0, 0, 0, 0),							/* GUID 0 */
	BODY(1, 0x85, 0, 0, 0, 0),							/* GUID 5 in two bytes */
	BODY(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0), /* more than 64 bits */
	BODY(1, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0, 0, 0),
	BODY(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0), /* beyond the last GUID */
	BODY(0xff, 0xff, 3, 0, 0, 0),						/* fewer than its count */
	BODY(0, 1, 1, 0, 0, 0, 0, 0),						/* LID 0 */
	BODY(0, 1, 1, 0xc0, 0, 0, 0),
	BODY(0, 1, 1, 0xc1, 0, 0, 0),						/* one below */
	BODY(0, 2, 1, 0xca, 0, 0, 0xc9, 0, 0, 0),					/* from 5 down to LID 0 */
	BODY(0, 2, 1, 0xbf, 0xff, 0, 0, 0xc2, 0, 0, 0),				/* from 0xbfff up to a multicast LID */
	BODY(0, 1, 1, 0, 5, 0, 0, 0),						/* LID 5 in two bytes */
	BODY(0, 2, 1, 0x80, 0, 0, 0, 0x7f, 0xe0, 0, 0, 0),				/* 32 down in two bytes */
	BODY(0, 1, 1, 0xca, 1, 0, 0),						/* a site below 0 */
	BODY(0, 1, 1, 0xca, 0xfe, 0xff, 0xb, 0, 0),				/* one beyond the last switch's own port */
	BODY(0, 1, 1, 0xca, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0),
	BODY(0, 2, 1, 0xca, 0, 0, 0xc0, 0, 0, 0),					/* LID 5 with two names */
	BODY(0, 0, 16, 0),							/* a field that there is not */
	BODY(0, 0, 2, 4, 0),							/* a difference of no own port */
	BODY(0, 0, 1, 0, 0, 1, REST, 1, 0x10, 1, 0x80, 2, 1, 2, 3, 4),		/* P_Key 0 of own ports */
	BODY(0, 0, 2, 64, 1, REST, 1, 0x10, 1, 0x80, 2, 1, 2, 3, 4),
	BODY(0, 0, 2, 4, 1, REST, 1, 0x20, 1, 0x80, 1, 1, 2, 3, 4),
	BODY(0, 0, 0, 1, REST, 0),							/* an empty section */
	BODY(0, 0, 0, 1, REST, 1, 0x00),						/* an empty group */
	BODY(0, 0, 0, 1, REST, 1, 0x80, 0),
	BODY(0, 0, 0, 1, 0, 0, 4, 7, 18, 1, 0x80, 1, 5),			/* P_Key 0 */
	BODY(0, 0, 0, 1, 0xff, 0xff, 64, 7, 18, 1, 0x80, 1, 5),			/* seven bits: MTU, rate, packet life */
	BODY(0, 0, 0, 1, 0xff, 0xff, 4, 64, 18, 1, 0x80, 1, 5),
	BODY(0, 0, 0, 1, 0xff, 0xff, 4, 7, 64, 1, 0x80, 1, 5),
	BODY(0, 0, 0, 1, REST, 1, 0x80, 1, 0),					/* LID 0 */
	BODY(0, 0, 0, 1, REST, 1, 0x80, 1, 0x80, 0x80, 3),				/* LID 0xc000 */
	BODY(0, 0, 0, 1, REST, 1, 0x80, 2, 0xff, 0xff, 2, 0),			/* the one behind 0xbfff */
	BODY(0, 0, 0, 1, REST, 2, 0x80, 1, 5, 0x80, 1, 6),				/* the same SL again */
	BODY(0, 0, 0, 1, REST, 2, 0x81, 1, 5, 0x80, 1, 6),				/* descending SLs */
	BODY(0, 0, 0, 2, REST, 1, 0x80, 1, 5, REST, 1, 0x81, 1, 6),			/* the same section again */
	BODY(0, 0, 0, 2, REST, 1, 0x80, 1, 5, 0x80, 0, 4, 7, 18, 1, 0x80, 1, 6),	/* descending sections */
	BODY(0, 0, 0, 1, REST, 2, 0x80, 1, 5, 0x81, 1, 5),				/* LID 5 with two paths */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 0, 0, 1, 2, 3, 4),				/* a list of no switches */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 1, 0x80),					/* not said which destinations */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 1, 0x80, 1, 1, 2, 3),			/* half of it */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 1, 0x81, 1, 1, 2, 3, 4),			/* a bit behind the last */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 1, 0, 0, 0x80, 0, 0, 0, 1, 1, 2, 3, 4),	/* a number of 17 bits */
	BODY(0, 0, 0, 1, REST, 1, 0x10, 1, 0, 1, 0x80, 0, 0, 1, 1, 2, 3, 4),	/* switch 49151 */
	BODY(0, 0, 0, 1, REST, 1, 0x30, 1, 0x80, 1, 0x80, 1, 1, 2, 3, 4),		/* adapters twice */
	BODY(0, 0, 0, 1, REST, 1, 0x50, 1, 0x80, 1, 0x80, 1, 1, 2, 3, 4),		/* own port twice */
	BODY(0, 0, 0, 1, REST, 2, 0x10, 1, 0x80, 0x11, 1, 0x80, 1, 1, 2, 3, 4),	/* two paths */
};

START_TEST(refuses_what_is_none)
{
	ck_assert_int_eq(delta_parts_read(again, bad_bodies[_i].bytes, bad_bodies[_i].length), -EBADMSG);
	ck_assert_uint_eq(count_items(&again->delta), 0);
}
END_TEST

/* By hand, from doc/protocol.md. */
START_TEST(layout)
{
	static const uint8_t by_hand[] = {
		2, 0x81, 1, 0x7e,					/* GUIDs 129 and 256 are gone */
		/* 7 has LID 0x1234 and hangs at switch 4, 8 has LID 9 and is that switch, where 9 is, too */
		3, 7, 0x12, 0x34, 18, 0, 0, 9, 2, 0, 0xc2, 1,
		6, 3, 3,						/* own ports have another MTU and rate */
		2,
		0x80, 0x01, 4, 7, 18, 1, 0x83, 1, 0xb4, 0x24,		/* 0x1234 */
		0xff, 0xff, 5, 16, 17, 2, 0x80, 3, 9, 0, 0xf4, 0xff, 2,	/* 9, 10, 0xbfff */
		0x32, 3, 0xa2, 0x00, 1, 0x08, 0x00,			/* 0, 2, 6 and all there; what hangs at 15 */
		0x83, 1, 0x12, 0x34, 0x56, 0x78,			/* that is 131 destinations, and this their sum */
	};

	ck_assert_int_eq(delta_parts_read(again, by_hand, sizeof(by_hand)), 0);
	ck_assert_uint_eq(again->delta.n_gone, 2);
	ck_assert_uint_eq(again->gone[0], 129);
	ck_assert_uint_eq(again->gone[1], 256);
	ck_assert_uint_eq(again->delta.n_named, 3);
	ck_assert_uint_eq(again->named[0].lid, 0x1234);
	ck_assert_uint_eq(again->named[0].site, hf_site(4, false));
	ck_assert_uint_eq(again->named[1].guid, 8);
	ck_assert_uint_eq(again->named[1].site, hf_site(4, true));
	ck_assert_uint_eq(again->named[2].site, hf_site(4, false));
	ck_assert_uint_eq(again->delta.n_paths, 4);
	ck_assert_uint_eq(again->paths[0].lid, 0x1234);
	ck_assert_uint_eq(again->paths[0].terms.pkey, 0x8001);
	ck_assert_uint_eq(again->paths[2].lid, 10);
	ck_assert_uint_eq(again->paths[3].lid, 0xbfff);
	ck_assert_uint_eq(again->paths[3].terms.rate, 16);
	ck_assert_uint_eq(again->delta.n_sites, 7);
	ck_assert_uint_eq(again->sites[0].site, hf_site(0, false));
	ck_assert_uint_eq(again->sites[1].site, hf_site(0, true));
	ck_assert_uint_eq(again->sites[2].site, hf_site(2, false));
	ck_assert_uint_eq(again->sites[4].site, hf_site(6, false));
	ck_assert_uint_eq(again->sites[4].terms.sl, 2);
	ck_assert_uint_eq(again->sites[4].terms.rate, 16);
	ck_assert_uint_eq(again->sites[5].terms.sl, 2);
	ck_assert_uint_eq(again->sites[5].terms.rate, 3);
	ck_assert_uint_eq(again->sites[5].terms.mtu, 3);
	ck_assert_uint_eq(again->sites[6].site, hf_site(15, false));
	ck_assert_uint_eq(again->delta.covered, 131);
	ck_assert_uint_eq(again->delta.covered_sum, 0x12345678);
	ck_assert(expect_refused_or_same(by_hand, sizeof(by_hand)));
}
END_TEST

/* One more than the most: such a body is written by hand, as no LID is left for its last item. */
START_TEST(limits)
{
	struct hf_delta *delta = &parts->delta;
	uint8_t *body, *longer;
	size_t length;

	delta->n_gone = delta->n_named = delta->n_paths = HF_DELTA_MAX;
	for (size_t i = 0; i < HF_DELTA_MAX; i++) {
		delta->gone[i] = UINT64_MAX - 2 - 2 * i;
		delta->named[i] = (struct hf_delta_name){ UINT64_MAX - 3 * i, i + 1, i % 2 ? HF_SITE_LAST : 0 };
		delta->paths[i] = (struct hf_delta_path){ i + 1, { 1 + i, i % 16, 5, 7, 18 } };
	}
	for (size_t i = 0; i < HF_DELTA_MAX; i++) {
		delta->sites[2 * i] = (struct hf_delta_site){ .site = hf_site(i, false), .terms = delta->paths[i].terms };
		delta->sites[2 * i + 1] = (struct hf_delta_site){
			.site = hf_site(i, true), .terms = delta->paths[(i + 7) % HF_DELTA_MAX].terms,
		};
	}
	delta->n_sites = HF_SITE_LAST;
	delta->covered = HF_DELTA_MAX;
	body = delta_parts_write(parts, &length);
	ck_assert_uint_le(length, hf_delta_max_bytes(delta));
	ck_assert_int_eq(delta_parts_read(again, body, length), 0);
	expect_same(delta, &again->delta);
	free(body);

	delta->n_named = delta->n_paths = delta->n_sites = 0;
	body = delta_parts_write(parts, &length);
	longer = malloc(length + 1);
	memcpy(longer, body, length);
	longer[0] = 0x80;				/* the count: 0xc000, not 0xbfff */
	longer[1] = 0x80;
	longer[2] = 0x03;
	memmove(longer + 14, longer + 13, length - 13);	/* the first GUID has ten bytes; one next to it */
	longer[13] = 0;
	ck_assert_int_eq(delta_parts_read(again, longer, length + 1), -EBADMSG);
	free(longer);
	free(body);
}
END_TEST

START_TEST(an_empty_delta_is_good)
{
	size_t length;
	uint8_t *body = delta_parts_write(parts, &length);

	ck_assert_uint_eq(length, 4);
	ck_assert_int_eq(delta_parts_read(again, body, length), 0);
	free(body);
}
END_TEST

static const struct {
	const char *what;
	size_t destinations;
	size_t changes;		/* so many of them, drawn by chance */
	size_t sls;
	bool are_named;
	size_t at_switch;	/* so many destinations at each switch, and all paths to them change; or 0 */
	double limit;		/* bytes per change */
} size_claims[] = {
	{ "1 of 1024 destinations", 1024, 1, 1, false, 0, 14 },
	{ "1 in 100 of 1024, one SL", 1024, 10, 1, false, 0, 3 },
	{ "1 in 10 of 1024, one SL", 1024, 102, 1, false, 0, 1.2 },
	{ "1 in 10 of 1024, 8 SLs", 1024, 102, 8, false, 0, 2.1 },
	{ "1 in 100 of 11664, one SL", 11664, 116, 1, false, 0, 2 },
	{ "1 in 10 of 11664, 8 SLs", 11664, 1166, 8, false, 0, 1.6 },
	{ "whole table of 1024, one SL", 1024, 1024, 1, true, 0, 8 },
	{ "whole table of 11664, 8 SLs", 11664, 11664, 8, true, 0, 8 },
	{ "whole table of 49151, 8 SLs", 49151, 49151, 8, true, 0, 8 },
	{ "whole table of 11664, 18 at a switch", 11664, 11664, 8, true, 18, 7 },
	{ "1 in 2 switches of 264, 4 hosts each, 5 SLs", 1056, 528, 5, false, 4, 0.25 },
	{ "1 in 10 of 11664, 18 at a switch, 8 SLs", 11664, 1166, 8, false, 18, 0.12 },
};

/* What hangs at a switch, and its own port, which has another MTU. */
static void add_both(uint32_t number, const struct hf_delta_terms *terms)
{
	struct hf_delta_site site = { .site = hf_site(number, false), .terms = *terms };

	parts->sites[parts->delta.n_sites++] = site;
	site.site++;
	site.terms.mtu--;
	parts->sites[parts->delta.n_sites++] = site;
}

START_TEST(size)
{
	struct hf_delta *delta = &parts->delta;
	size_t length, at_switch = size_claims[_i].at_switch;
	uint16_t lids[LIDS], switches[LIDS];
	double per_change;

	seed(_i);
	fill_lids(lids);
	fill_lids(switches);
	SHUFFLE(lids, size_claims[_i].destinations);
	SHUFFLE(switches, at_switch ? size_claims[_i].destinations / at_switch : 1);
	for (size_t i = 0; i < size_claims[_i].changes; i++) {
		const struct hf_delta_terms terms = { 0xffff, below(size_claims[_i].sls), 5, 16, 18 };
		uint32_t number = at_switch ? switches[i / at_switch] - 1U : below(size_claims[_i].destinations / 30 + 1);

		if (!at_switch)
			delta->paths[delta->n_paths++] = (struct hf_delta_path){ lids[i], terms };
		else if (i % at_switch == 0)
			add_both(number, &terms);
		if (size_claims[_i].are_named)
			delta->named[delta->n_named++] = (struct hf_delta_name){
				real_guid(i), lids[i], hf_site(number, false),
			};
	}
	free(delta_parts_write(parts, &length));
	per_change = (double)length / size_claims[_i].changes;
	printf("# %s: %zu changes in %zu bytes, %.2f each\n", size_claims[_i].what, size_claims[_i].changes, length,
	       per_change);
	ck_assert_double_le(per_change, size_claims[_i].limit);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("delta");
	TCase *tcase = tcase_create("delta");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, layout);
	tcase_add_test(tcase, an_empty_delta_is_good);
	tcase_add_test(tcase, limits);
	tcase_add_loop_test(tcase, what_is_written_is_read, 0, SEEDS);
	tcase_add_loop_test(tcase, the_order_of_items_makes_no_difference, 0, SEEDS);
	tcase_add_loop_test(tcase, every_truncation_is_refused, 0, SEEDS);
	tcase_add_loop_test(tcase, every_changed_byte_is_refused_or_means_something_else, 0, 6);
	tcase_add_loop_test(tcase, refuses_what_is_none, 0, sizeof(bad_bodies) / sizeof(bad_bodies[0]));
	tcase_add_loop_test(tcase, size, 0, sizeof(size_claims) / sizeof(size_claims[0]));
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
