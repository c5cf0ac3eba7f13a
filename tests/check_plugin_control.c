/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The status board and the control socket without OpenSM: threads, what is asked and what is answered. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check_main.h"
#include "plugin/control.h"
#include "plugin/snapshot_file.h"
#include "tools/control_client.h"

#define TIMEOUT_MS	10000

static char folder[] = "/tmp/hf-check.XXXXXX";
static char socket_path[64], file_path[64];
static struct hf_status_board *board;

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	snprintf(file_path, sizeof(file_path), "%s/file", folder);
	board = hf_status_board_new();
	ck_assert_ptr_nonnull(board);
}

static void tear_down(void)
{
	hf_status_board_free(board);
	unlink(socket_path);
	unlink(file_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static int start(struct hf_plugin_control **ret_control)
{
	const struct hf_plugin_control_config config = {
		.path = socket_path, .mode = "hybrid", .instance = 0x1234, .board = board,
	};

	return hf_plugin_control_start(&config, ret_control);
}

static json_t *ask(json_t *request)
{
	json_t *answer = NULL;

	ck_assert_int_eq(hf_control_ask(socket_path, request, TIMEOUT_MS, &answer), 0);
	json_decref(request);
	return answer;
}

static struct hf_snapshot *make_snapshot(uint64_t epoch)
{
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_tables_new(0, 0, 0, 1, 0, &tables), 0);
	tables->routing.epoch = epoch;
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	hf_tables_free(tables);
	return snapshot;
}

static const json_t *member(const json_t *answer, const char *object, const char *name)
{
	return json_object_get(json_object_get(json_object_get(answer, "status"), object), name);
}

START_TEST(status_is_what_was_published)
{
	struct hf_status status = {
		.is_master = true,
		.routing = { .epoch = 7, .instance = 0x5678, .engine = "minhop", .wanted_engine = "lash", .subscribers = 3 },
		.is_fallback = true, .fallback_epoch = 5,
		.waiting = HF_WAITING_WRITTEN, .waiting_epoch = 7,
		.comparison = { .epoch = 6, .counts = { [HF_CHANGE_LOST] = 9 } },
		.counters = { .reports_failed = 2 },
	};
	struct hf_plugin_control *control;
	json_t *answer;

	ck_assert_int_eq(start(&control), 0);
	answer = ask(json_pack("{s:s}", "get", "status"));
	ck_assert(json_is_false(json_object_get(json_object_get(answer, "status"), "master")));
	ck_assert(json_is_null(json_object_get(json_object_get(answer, "status"), "routing")));
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(answer, "status"), "instance")),
			 "0x0000000000001234");
	json_decref(answer);

	hf_status_publish(board, &status, NULL);
	answer = ask(json_pack("{s:s}", "get", "status"));
	ck_assert(json_is_true(json_object_get(json_object_get(answer, "status"), "master")));
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(answer, "status"), "instance")),
			 "0x0000000000005678");
	ck_assert_str_eq(json_string_value(member(answer, "routing", "engine")), "minhop");
	ck_assert_str_eq(json_string_value(member(answer, "routing", "wanted_engine")), "lash");
	ck_assert_int_eq(json_integer_value(member(answer, "routing", "subscribers")), 3);
	ck_assert_int_eq(json_integer_value(member(answer, "fallback", "since_epoch")), 5);
	ck_assert_int_eq(json_integer_value(member(answer, "waiting", "epoch")), 7);
	ck_assert_str_eq(json_string_value(member(answer, "waiting", "why")), "not written to all switches");
	ck_assert_int_eq(json_integer_value(member(answer, "comparison", "lost")), 9);
	ck_assert_int_eq(json_integer_value(member(answer, "counters", "reports_failed")), 2);
	json_decref(answer);
	hf_plugin_control_stop(control);
	ck_assert_int_ne(access(socket_path, F_OK), 0);
}
END_TEST

/* What the engine's thread does, as fast as it can. */
static void *publish_on(void *arg)
{
	const struct hf_status status = { .is_master = true };
	atomic_bool *is_stopping = arg;

	for (uint64_t epoch = 1; !atomic_load(is_stopping); epoch++) {
		struct hf_snapshot *snapshot = make_snapshot(epoch);

		hf_status_publish(board, &status, snapshot);
		hf_snapshot_free(snapshot);
	}
	return NULL;
}

START_TEST(snapshots_are_written_while_routings_go_on)
{
	struct hf_plugin_control *control;
	atomic_bool is_stopping = false;
	json_int_t last = 0;
	pthread_t publisher;

	ck_assert_int_eq(start(&control), 0);
	ck_assert_int_eq(pthread_create(&publisher, NULL, publish_on, &is_stopping), 0);
	for (int written = 0; written < 20;) {
		json_t *answer = ask(json_pack("{s:s}", "snapshot", file_path));
		const json_t *saved = json_object_get(answer, "snapshot");
		struct hf_port_registry *registry = hf_port_registry_new();
		struct hf_snapshot *snapshot;
		char *error = NULL;

		if (saved) {
			written++;
			ck_assert_int_ge(json_integer_value(json_object_get(saved, "epoch")), last);
			last = json_integer_value(json_object_get(saved, "epoch"));
			ck_assert_int_eq(hf_snapshot_load(file_path, registry, &snapshot, &error), 0);
			ck_assert_int_eq(snapshot->routing.epoch, last);
			hf_snapshot_free(snapshot);
		}
		hf_port_registry_free(registry);
		json_decref(answer);
	}
	atomic_store(&is_stopping, true);
	pthread_join(publisher, NULL);
	hf_plugin_control_stop(control);
}
END_TEST

START_TEST(a_living_socket_stays_and_a_dead_one_goes)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hf_plugin_control *control, *other;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	json_t *answer;
	FILE *file;

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_int_eq(start(&control), 0);
	ck_assert_int_eq(start(&other), -EADDRINUSE);
	answer = ask(json_pack("{s:s}", "get", "status"));
	json_decref(answer);
	hf_plugin_control_stop(control);

	file = fopen(socket_path, "w");
	fclose(file);
	ck_assert_int_eq(start(&control), -EADDRINUSE);
	ck_assert_int_eq(access(socket_path, F_OK), 0);
}
END_TEST

START_TEST(it_stops_under_a_client_that_waits)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hf_plugin_control *control;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(start(&control), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(send(fd, "{\"get\"", 6, 0), 6);
	hf_plugin_control_stop(control);
	ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
	close(fd);
}
END_TEST

/* A peer that is gone when it is answered: SIGPIPE would end the process. */
START_TEST(a_client_that_leaves_does_no_harm)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hf_plugin_control *control;
	json_t *answer;

	strcpy(address.sun_path, socket_path);
	ck_assert_int_eq(start(&control), 0);
	for (int i = 0; i < 30; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
		ck_assert_int_gt(send(fd, "{\"get\": \"status\"}\n{}\n{}\n", 23, MSG_NOSIGNAL), 0);
		close(fd);
	}
	answer = ask(json_pack("{s:s}", "get", "status"));
	ck_assert_ptr_nonnull(json_object_get(answer, "status"));
	json_decref(answer);
	hf_plugin_control_stop(control);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plugin_control");
	TCase *tcase = tcase_create("plugin_control");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, status_is_what_was_published);
	tcase_add_test(tcase, snapshots_are_written_while_routings_go_on);
	tcase_add_test(tcase, a_living_socket_stays_and_a_dead_one_goes);
	tcase_add_test(tcase, it_stops_under_a_client_that_waits);
	tcase_add_test(tcase, a_client_that_leaves_does_no_harm);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
