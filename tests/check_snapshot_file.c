/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "lib/crc32.h"
#include "plugin/distinguisher.h"
#include "plugin/snapshot_file.h"
#include "random_tables.h"

#define HEADER_BYTES	40
#define SECTION_BYTES	16
#define ROUTING_AT	(HEADER_BYTES + SECTION_BYTES)
#define CODES_AT	(ROUTING_AT + 112 + SECTION_BYTES)
#define PORTS_AT	(CODES_AT + 24 + SECTION_BYTES)
#define PORT_BYTES	20

struct bytes {
	uint8_t *data;
	size_t len;
};

static struct bytes write_bytes(const struct hf_snapshot *snapshot)
{
	struct bytes bytes;
	FILE *out = open_memstream((char **)&bytes.data, &bytes.len);

	ck_assert_int_eq(hf_snapshot_write(snapshot, out, NULL), 0);
	fclose(out);
	return bytes;
}

static struct hf_snapshot *read_bytes(struct hf_port_registry *registry, const struct bytes *bytes)
{
	struct hf_snapshot *snapshot = NULL;
	char *error = NULL;

	if (hf_snapshot_read(bytes->data, bytes->len, "good", registry, &snapshot, &error))
		ck_abort_msg("%s", error);
	return snapshot;
}

/* What a plugin that restarted would see: the ports come in the file's order. */
static struct hf_snapshot *reread(struct hf_port_registry *registry, const struct hf_snapshot *snapshot)
{
	struct bytes bytes = write_bytes(snapshot);
	struct hf_snapshot *again = read_bytes(registry, &bytes);

	free(bytes.data);
	return again;
}

static void put_checksum(struct bytes *bytes)
{
	struct hf_crc32 crc;
	uint32_t checksum;

	hf_crc32_init(&crc);
	hf_crc32_add(&crc, bytes->data, bytes->len - 4);
	checksum = htole32(hf_crc32_value(&crc));
	memcpy(&bytes->data[bytes->len - 4], &checksum, 4);
}

/* As OpenSM's engines have it: where an SL is one of several there are several. */
static struct hf_snapshot *random_snapshot(struct hf_tables *tables)
{
	struct hf_snapshot *snapshot;

	for (int sl = 0; sl < 4; sl++)
		if (tables->sl_spread[sl] < 2)
			tables->sl_spread[sl] = 2;
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	snprintf(snapshot->routing.engine, sizeof(snapshot->routing.engine), "engine-%u", random_below(100));
	snprintf(snapshot->routing.wanted_engine, sizeof(snapshot->routing.wanted_engine), "lash");
	snapshot->routing.epoch = 1 + random_below(1000);
	snapshot->routing.instance = (uint64_t)random() << 32 | random();
	snapshot->routing.sm_lid = random_below(1000);
	snapshot->routing.sm_gid.guid = htobe64(random());
	snapshot->routing.subnet_prefix = htobe64(0xfe80000000000000);
	snapshot->routing.reroute = one_in(2);
	snapshot->routing.is_master = one_in(2);
	snapshot->routing.is_first_sweep = one_in(2);
	snapshot->routing.is_written = one_in(2);
	return snapshot;
}

static struct hf_snapshot *any_snapshot(void)
{
	struct hf_port_registry *registry = hf_port_registry_new();
	struct hf_tables *tables = random_tables(registry, 1 + random_below(6), 2 + random_below(8),
						 (enum hf_sl_by)random_below(4), random());
	struct hf_snapshot *snapshot = random_snapshot(tables);

	hf_tables_free(tables);
	hf_port_registry_free(registry);
	return snapshot;
}

START_TEST(crc_is_the_usual_one)
{
	struct hf_crc32 crc;

	hf_crc32_init(&crc);
	ck_assert_uint_eq(hf_crc32_value(&crc), 0);
	hf_crc32_add(&crc, "123456789", 9);
	ck_assert_uint_eq(hf_crc32_value(&crc), 0xcbf43926);
	hf_crc32_init(&crc);
	for (int i = 0; i < 9; i++)
		hf_crc32_add(&crc, &"123456789"[i], 1);
	ck_assert_uint_eq(hf_crc32_value(&crc), 0xcbf43926);
}
END_TEST

static uint32_t find_guid(const struct hf_snapshot *snapshot, uint64_t guid)
{
	for (uint32_t i = 0; i < snapshot->n_ports; i++)
		if (snapshot->ports[i].guid == guid)
			return i;
	return HF_NO_INDEX;
}

/* The two know the ports by other indexes. */
static void check_same_path(const struct hf_snapshot *snapshot, const struct hf_snapshot *again, uint32_t src,
			    uint32_t src_lid, uint32_t dst, uint32_t dst_lid)
{
	uint32_t src_again = find_guid(again, snapshot->ports[src].guid);
	uint32_t dst_again = find_guid(again, snapshot->ports[dst].guid);

	ck_assert_uint_eq(hf_snapshot_entry(snapshot, src, src_lid, dst, dst_lid),
			  hf_snapshot_entry(again, src_again, src_lid, dst_again, dst_lid));
}

static void check_same_paths(const struct hf_snapshot *snapshot, const struct hf_snapshot *again)
{
	for (uint32_t src = 0; src < snapshot->n_ports; src++)
		for (uint32_t dst = 0; dst < snapshot->n_ports; dst++)
			for (uint32_t i = 0; i < 1U << snapshot->ports[src].lmc; i++)
				for (uint32_t j = 0; j < 1U << snapshot->ports[dst].lmc; j++)
					check_same_path(snapshot, again, src, i, dst, j);
}

static void check_same_routing(const struct hf_routing *a, const struct hf_routing *b)
{
	ck_assert_uint_eq(a->epoch, b->epoch);
	ck_assert_uint_eq(a->instance, b->instance);
	ck_assert_str_eq(a->engine, b->engine);
	ck_assert_str_eq(a->wanted_engine, b->wanted_engine);
	ck_assert_int_eq(a->reroute, b->reroute);
	ck_assert_int_eq(a->is_master, b->is_master);
	ck_assert_int_eq(a->is_first_sweep, b->is_first_sweep);
	ck_assert_int_eq(a->is_written, b->is_written);
	ck_assert_uint_eq(a->sm_lid, b->sm_lid);
	ck_assert_mem_eq(&a->sm_gid, &b->sm_gid, sizeof(a->sm_gid));
	ck_assert(a->subnet_prefix == b->subnet_prefix);
}

START_TEST(what_is_written_reads_back)
{
	srandom(random_seed());
	for (int round = 0; round < 300; round++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		struct hf_snapshot *snapshot = any_snapshot(), *again = reread(registry, snapshot);
		uint32_t ports, switches, ports_again, switches_again;
		struct bytes first = write_bytes(snapshot), second = write_bytes(again);

		check_same_routing(&snapshot->routing, &again->routing);
		check_same_paths(snapshot, again);
		ck_assert_mem_eq(snapshot->pkt_lives, again->pkt_lives, sizeof(again->pkt_lives));
		hf_snapshot_count_ports(snapshot, &ports, &switches);
		hf_snapshot_count_ports(again, &ports_again, &switches_again);
		ck_assert_uint_eq(ports, ports_again);
		ck_assert_uint_eq(switches, switches_again);
		ck_assert_uint_eq(first.len, second.len);
		ck_assert_mem_eq(first.data, second.data, first.len);
		free(first.data);
		free(second.data);
		hf_snapshot_free(snapshot);
		hf_snapshot_free(again);
		hf_port_registry_free(registry);
	}
}
END_TEST

/* The changes between two routings are the same between their files, in whatever order the files know the ports. */
START_TEST(files_compare_as_snapshots_do)
{
	unsigned int seed = random_seed();
	uint64_t total = 0;

	srandom(seed);
	for (int round = 0; round < 300; round++) {
		struct hf_port_registry *registry = hf_port_registry_new(), *of_files = hf_port_registry_new();
		enum hf_sl_by by = (enum hf_sl_by)random_below(4);
		unsigned int sl_seed = random();
		struct hf_tables *before = random_tables(registry, 1 + random_below(6), 2 + random_below(8), by,
							 sl_seed);
		struct hf_tables *after = copy_tables(registry, before, random_below(3), by, sl_seed);
		struct hf_snapshot *old = random_snapshot(before), *new_, *old_file, *new_file;
		struct hf_changes changes, of_file;

		mutate_tables(registry, after, random_below(8));
		new_ = random_snapshot(after);
		if (one_in(2)) {
			old_file = reread(of_files, old);
			new_file = reread(of_files, new_);
		} else {
			/* Another order: the later file is known already. */
			hf_snapshot_free(reread(of_files, new_));
			old_file = reread(of_files, old);
			new_file = reread(of_files, new_);
		}
		ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
		ck_assert_int_eq(hf_changes_find(old_file, new_file, &of_file), 0);
		for (int kind = 0; kind < HF_CHANGE_KINDS; kind++) {
			ck_assert_uint_eq(changes.counts[kind], of_file.counts[kind]);
			total += changes.counts[kind];
		}
		hf_changes_fini(&changes);
		hf_changes_fini(&of_file);
		hf_snapshot_free(old);
		hf_snapshot_free(new_);
		hf_snapshot_free(old_file);
		hf_snapshot_free(new_file);
		hf_tables_free(before);
		hf_tables_free(after);
		hf_port_registry_free(registry);
		hf_port_registry_free(of_files);
	}
	ck_assert_uint_gt(total, 1000);
}
END_TEST

/* A byte, or a few, or the length is another one; the checksum fits or not. Whatever is read must be usable. */
static void mutate_bytes(struct bytes *bytes)
{
	unsigned int count = 1 + random_below(4);

	for (unsigned int i = 0; i < count; i++)
		bytes->data[random_below(one_in(2) ? PORTS_AT : bytes->len)] = one_in(3) ? 0xff : random();
	if (one_in(10))
		bytes->len = random_below(bytes->len + 1);
	if (!one_in(4) && bytes->len >= 4)
		put_checksum(bytes);
}

START_TEST(no_bytes_do_harm)
{
	unsigned int refused = 0, taken = 0;

	srandom(random_seed());
	for (int round = 0; round < 3000; round++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		struct hf_snapshot *snapshot = any_snapshot(), *good, *read = NULL;
		struct bytes bytes = write_bytes(snapshot);
		struct hf_changes changes;
		char *error = NULL;
		int err;

		good = read_bytes(registry, &bytes);
		mutate_bytes(&bytes);
		err = hf_snapshot_read(bytes.data, bytes.len, "mutant", registry, &read, &error);
		if (err) {
			ck_assert_int_eq(err, -EINVAL);
			ck_assert_ptr_nonnull(error);
			ck_assert_ptr_null(read);
			ck_assert_int_eq(strncmp(error, "mutant: byte ", 13), 0);
			refused++;
		} else {
			ck_assert_int_eq(hf_changes_find(good, read, &changes), 0);
			hf_changes_fini(&changes);
			taken++;
		}
		free(error);
		free(bytes.data);
		hf_snapshot_free(read);
		hf_snapshot_free(good);
		hf_snapshot_free(snapshot);
		hf_port_registry_free(registry);
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_gt(taken, 100);
}
END_TEST

/* Two hosts at a switch, written by hand so that every place in the file is known. */
static struct hf_snapshot *small_snapshot(void)
{
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_tables_new(2, 2, 1, 3, 20, &tables), 0);
	tables->switches[0] = (struct hf_table_switch) { .guid = 1, .port = HF_NO_INDEX };
	for (uint32_t i = 0; i < 2; i++) {
		tables->ports[i] = (struct hf_table_port) {
			.guid = 0x10 + i, .first_column = i, .lid = 10 + i, .place = HF_PLACE_AT_SWITCH, .peer = 0,
			.peer_port = 1 + i, .mtu = 5, .rate = 16, .can = HF_CAN_ALL,
		};
		tables->switch_ports[1 + i] = (struct hf_switch_port) {
			.peer_kind = HF_PEER_PORT, .peer = i, .mtu = 5, .rate = 16,
		};
		tables->forwarding[10 + i] = 1 + i;
	}
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	strcpy(snapshot->routing.engine, "lash");
	strcpy(snapshot->routing.wanted_engine, "lash");
	hf_tables_free(tables);
	return snapshot;
}

/* Where one byte has another value and the checksum fits, the file is refused and the error says @expected. */
static const struct {
	size_t at;
	uint8_t value;
	const char *expected;
} refusals[] = {
	{ 0, 'X', "bad: byte 0: it does not begin as a snapshot of Holdfast does" },
	{ 8, 2, "bad: byte 8: version 2 is of a later Holdfast; this one reads version 1" },
	{ 8, 0, "bad: byte 8: the version is 0, must be 1 to 1" },
	{ 13, 1, "bad: byte 12: the flags are 0x100, known is 0x1f" },
	{ 16, 1, "bad: byte 16: the length is" },
	{ 27, 1, "bad: byte 24: the number of ports is 16777218, must be 0 to 49151" },
	{ 28, 1, "bad: byte 28: the number of columns is 1, must be 2 to 49151" },
	{ 32, 3, "bad: byte 32: the number of rows is 3, must be 0 to 2" },
	{ 38, 1, "bad: byte 36: the number of classes is 65537, must be 0 to 65535" },
	{ 40, 'X', "bad: byte 40: section ROUT must begin here" },
	{ 44, 1, "bad: byte 44: a reserved field of section ROUT is 0x1, must be 0" },
	{ 48, 1, "bad: byte 48: section ROUT has 1 bytes, its counts make 112" },
	{ ROUTING_AT + 18, 1, "bad: byte 74: a reserved field is not 0" },
	{ ROUTING_AT + 48, 7, "bad: byte 104: the name of a routing engine" },
	{ ROUTING_AT + 48 + 31, 'x', "bad: byte 104: the name of a routing engine" },
	{ ROUTING_AT + 80, 200, "bad: byte 136: the name of a routing engine" },
	{ CODES_AT, 1, "bad: byte 184: a packet life is 1, must be 0 to 0" },
	{ CODES_AT + 7, 64, "bad: byte 191: a packet life is 64, must be 0 to 63" },
	{ CODES_AT + 8 + 15, 2, "bad: byte 207: the number of SLs that an SL is spread over is 2, must be 0 to 1" },
	{ PORTS_AT, 0, "bad: byte 224: the GUID of a port is 0" },
	{ PORTS_AT, 0x11, "bad: byte 244: GUID 0x0000000000000011 is there twice" },
	{ PORTS_AT + 8, 1, "bad: byte 232: the row of a port is 1, must be 0 to 0" },
	{ PORTS_AT + 12, 0, "bad: byte 236: a base LID is 0, must be 1 to 49151" },
	{ PORTS_AT + 13, 0xc0, "bad: byte 236: a base LID is 49162, must be 1 to 49151" },
	{ PORTS_AT + 14, 1, "bad: byte 238: the class of a port is 1, must be 0 to 0" },
	{ PORTS_AT + 16, 8, "bad: byte 240: an LMC is 8, must be 0 to 7" },
	{ PORTS_AT + 16, 1, "bad: byte 224: the ports have 3 LIDs, the header says 2 columns" },
	{ PORTS_AT + 17, 2, "bad: byte 241: the flags of a port are 0x2, known is 0x1" },
	{ PORTS_AT + 18, 1, "bad: byte 241: the flags of a port are 0x100, known is 0x1" },
};

START_TEST(a_bad_byte_is_named)
{
	struct hf_port_registry *registry = hf_port_registry_new();
	struct hf_snapshot *snapshot = small_snapshot(), *read = NULL;
	struct bytes bytes = write_bytes(snapshot);
	char *error = NULL;

	bytes.data[refusals[_i].at] = refusals[_i].value;
	put_checksum(&bytes);
	ck_assert_int_eq(hf_snapshot_read(bytes.data, bytes.len, "bad", registry, &read, &error), -EINVAL);
	if (strncmp(error, refusals[_i].expected, strlen(refusals[_i].expected)) != 0)
		ck_abort_msg("said \"%s\", not \"%s\"", error, refusals[_i].expected);
	free(error);
	free(bytes.data);
	hf_snapshot_free(snapshot);
	hf_port_registry_free(registry);
}
END_TEST

/* The last entry of the file, just before the checksum. */
static void check_entry_is_refused(uint16_t entry, const char *expected)
{
	struct hf_port_registry *registry = hf_port_registry_new();
	struct hf_snapshot *snapshot = small_snapshot(), *read = NULL;
	struct bytes bytes = write_bytes(snapshot);
	char *error = NULL;

	bytes.data[bytes.len - 6] = entry & 0xff;
	bytes.data[bytes.len - 5] = entry >> 8;
	put_checksum(&bytes);
	ck_assert_int_eq(hf_snapshot_read(bytes.data, bytes.len, "bad", registry, &read, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, expected));
	free(error);
	free(bytes.data);
	hf_snapshot_free(snapshot);
	hf_port_registry_free(registry);
}

START_TEST(an_entry_that_cannot_be_is_refused)
{
	check_entry_is_refused(hf_entry_pack(1, 5, 16, 0), "has no packet life");
	check_entry_is_refused(hf_entry_pack(HF_SL_IS_SPREAD | 3, 5, 16, 1), "has one of several SLs from 3 on, of "
			       "which there are 0");
}
END_TEST

START_TEST(every_cut_and_a_wrong_checksum_are_refused)
{
	struct hf_snapshot *snapshot = small_snapshot(), *read = NULL;
	struct bytes bytes = write_bytes(snapshot);
	size_t whole = bytes.len;

	for (size_t len = 0; len <= whole; len++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		char *error = NULL;

		if (len == whole)
			bytes.data[whole - 1] ^= 1;
		ck_assert_int_eq(hf_snapshot_read(bytes.data, len, "bad", registry, &read, &error), -EINVAL);
		ck_assert_ptr_nonnull(strstr(error, len < HEADER_BYTES ? "ends within its header" :
					     len < whole ? "the file has" : "the checksum is"));
		free(error);
		hf_port_registry_free(registry);
	}
	free(bytes.data);
	hf_snapshot_free(snapshot);
}
END_TEST

static unsigned int count_files(const char *folder)
{
	DIR *dir = opendir(folder);
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

START_TEST(a_file_is_whole_or_not_there)
{
	char folder[] = "/tmp/hf-check.XXXXXX", path[64], nowhere[64], *error = NULL;
	struct hf_port_registry *registry = hf_port_registry_new();
	struct hf_snapshot *snapshot = small_snapshot(), *read = NULL;
	atomic_bool is_cancelled = true;
	struct stat stat_;
	uint64_t bytes = 0;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(nowhere, sizeof(nowhere), "%s/nowhere/file", folder);

	ck_assert_int_eq(hf_snapshot_save(snapshot, path, &is_cancelled, &bytes, &error), -ECANCELED);
	free(error);
	ck_assert_uint_eq(count_files(folder), 0);

	is_cancelled = false;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(hf_snapshot_save(snapshot, path, &is_cancelled, &bytes, &error), 0);
	ck_assert_uint_eq(count_files(folder), 1);
	ck_assert_int_eq(stat(path, &stat_), 0);
	ck_assert_uint_eq(stat_.st_mode & 07777, 0600);
	ck_assert_uint_eq(stat_.st_size, bytes);
	ck_assert_int_eq(hf_snapshot_load(path, registry, &read, &error), 0);
	check_same_paths(snapshot, read);

	ck_assert_int_eq(hf_snapshot_save(snapshot, nowhere, NULL, &bytes, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "nowhere/file: No such file"));
	free(error);
	ck_assert_int_eq(hf_snapshot_save(snapshot, folder, NULL, &bytes, &error), -EISDIR);
	free(error);
	ck_assert_uint_eq(count_files(folder), 1);
	ck_assert_int_eq(hf_snapshot_load(nowhere, registry, &read, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "nowhere/file: No such file"));
	free(error);
	ck_assert_int_eq(hf_snapshot_load(folder, registry, &read, &error), -EISDIR);
	free(error);

	unlink(path);
	rmdir(folder);
	hf_snapshot_free(read);
	hf_snapshot_free(snapshot);
	hf_port_registry_free(registry);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
	struct hf_snapshot *snapshot = small_snapshot();
	FILE *full = fopen("/dev/full", "w");
	int err;

	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	err = hf_snapshot_write(snapshot, full, NULL);
	ck_assert_int_eq(err, -ENOSPC);
	fclose(full);
	hf_snapshot_free(snapshot);
}
END_TEST

START_TEST(the_last_owner_frees)
{
	struct hf_snapshot *snapshot = small_snapshot();

	ck_assert_ptr_eq(hf_snapshot_share(snapshot), snapshot);
	hf_snapshot_free(snapshot);
	ck_assert_uint_eq(snapshot->n_ports, 2);
	hf_snapshot_free(snapshot);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot_file");
	TCase *tcase = tcase_create("snapshot_file");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, crc_is_the_usual_one);
	tcase_add_test(tcase, what_is_written_reads_back);
	tcase_add_test(tcase, files_compare_as_snapshots_do);
	tcase_add_test(tcase, no_bytes_do_harm);
	tcase_add_loop_test(tcase, a_bad_byte_is_named, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(tcase, an_entry_that_cannot_be_is_refused);
	tcase_add_test(tcase, every_cut_and_a_wrong_checksum_are_refused);
	tcase_add_test(tcase, a_file_is_whole_or_not_there);
	tcase_add_test(tcase, a_full_disk_is_an_error);
	tcase_add_test(tcase, the_last_owner_frees);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
