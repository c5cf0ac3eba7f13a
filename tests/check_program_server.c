/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The socket for programs, with real ones: who may do what, and that nobody holds up others. */
#include "check_main.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/program_server.h"
#include "lib/qp_state.h"
#include "lib/trace.h"

#define LITTLE_PATIENCE_MS	200
#define MUCH_PATIENCE_MS	600000
#define DEADLINE_NS	(UINT64_C(30) * 1000000000)

static struct event_base *base;
static struct hf_program_server *server;
static char folder[32], path[64];
static unsigned int added, removed, moved, peers, log_lines;
static struct hf_program_qp *last_added;
static struct hf_program_moved last_moved;
static const struct hf_program_path any_path = { .dgid = { .raw = { 0xfe, [15] = 9 } }, .dlid = 9, .sl = 1 };

static void note_added(void *ctx, struct hf_program_qp *qp)
{
	(void)ctx;
	added++;
	last_added = qp;
}

static void note_removed(void *ctx, struct hf_program_qp *qp)
{
	(void)ctx;
	removed++;
	if (qp == last_added)
		last_added = NULL;
}

static void note_moved(void *ctx, struct hf_program_qp *qp, const struct hf_program_moved *answer)
{
	(void)ctx;
	(void)qp;
	moved++;
	last_moved = *answer;
}

static void note_peer(void *ctx, struct hf_program_qp *qp, const uint8_t *data, size_t length)
{
	(void)ctx;
	peers++;
	hf_program_qp_peer(qp, &any_path, data, length);	/* an echo */
}

static const struct hf_program_server_ops ops = {
	.added = note_added, .removed = note_removed, .moved = note_moved, .peer = note_peer,
};

static void count_line(void *ctx, enum hf_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
	log_lines++;
}

static void start(const char *group, unsigned int patience_ms)
{
	static const struct hf_log_sink sink = { .write = count_line };
	struct hf_program_server_config config;

	hf_log_init(&sink, HF_LOG_WARN);
	signal(SIGPIPE, SIG_IGN);
	added = removed = moved = peers = log_lines = 0;
	strcpy(folder, "/tmp/hf-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/socket", folder);
	base = event_base_new();
	hf_program_server_config_init(&config);
	config.path = path;
	config.group = group;
	config.sessions_max = 4;
	config.qps_max = 3;
	config.patience_ms = patience_ms;
	ck_assert_int_eq(hf_program_server_new(base, &config, &ops, NULL, &server), 0);
}

static void setup(void)
{
	start(NULL, MUCH_PATIENCE_MS);
}

static void setup_impatient(void)
{
	start(NULL, LITTLE_PATIENCE_MS);
}

static void teardown(void)
{
	hf_program_server_free(server);
	event_base_free(base);
	ck_assert_int_ne(access(path, F_OK), 0);
	rmdir(folder);
}

/* Runs the loop until @counter has the value; it must come to that. */
static void run_until(const unsigned int *counter, unsigned int value)
{
	uint64_t deadline_ns = hf_now_ns() + DEADLINE_NS;

	while (*counter != value && hf_now_ns() < deadline_ns) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(500);
	}
	ck_assert_uint_eq(*counter, value);
}

static int open_client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path, path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void put(int fd, const struct hf_program_message *message)
{
	ck_assert_int_eq(send(fd, message, sizeof(*message), MSG_NOSIGNAL), sizeof(*message));
}

/* What comes next; the loop runs meanwhile. Return: false at the end of the session. */
static bool get(int fd, struct hf_program_message *ret_message)
{
	uint64_t deadline_ns = hf_now_ns() + DEADLINE_NS;
	ssize_t length;

	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		length = recv(fd, ret_message, sizeof(*ret_message), MSG_DONTWAIT);
		if (length < 0)
			usleep(500);
	} while (length < 0 && errno == EAGAIN && hf_now_ns() < deadline_ns);
	if (length > 0)
		ck_assert_int_eq(hf_program_check(ret_message, length, HF_PROGRAM_FROM_DAEMON), 0);
	else
		ck_assert(length == 0 || errno == ECONNRESET || errno == EPIPE);
	return length > 0;
}

static bool is_cut_off(int fd)
{
	struct hf_program_message message;

	while (get(fd, &message))
		;
	close(fd);
	return true;
}

static int greet(const char *name)
{
	struct hf_program_message message;
	int fd = open_client();

	hf_program_message_init(&message, HF_PROGRAM_HELLO, 0);
	message.hello.version = HF_PROGRAM_VERSION;
	snprintf(message.hello.name, sizeof(message.hello.name), "%s", name);
	put(fd, &message);
	ck_assert(get(fd, &message));
	ck_assert_uint_eq(message.kind, HF_PROGRAM_WELCOME);
	return fd;
}

static struct hf_program_message make_add(uint32_t qpn)
{
	struct hf_program_message message;

	hf_program_message_init(&message, HF_PROGRAM_ADD, qpn);
	strcpy(message.add.device, "hfsim0");
	message.add.port_num = 1;
	message.add.qp_type = HF_QP_RC;
	message.add.dest_qpn = 0x200;
	message.add.path = any_path;
	return message;
}

static void add(int fd, uint32_t qpn)
{
	struct hf_program_message message = make_add(qpn);

	put(fd, &message);
}

/* Whatever the program said before is dealt with: its word comes back from the peer. */
static void settle(int fd, uint32_t qpn)
{
	struct hf_program_message message;

	hf_program_message_init(&message, HF_PROGRAM_PEER, qpn);
	put(fd, &message);
	ck_assert(get(fd, &message));
	ck_assert_uint_eq(message.kind, HF_PROGRAM_PEER);
	ck_assert_uint_eq(message.qpn, qpn);
}

static void answer(int fd, const struct hf_program_message *move, int32_t err)
{
	struct hf_program_message message;

	hf_program_message_init(&message, HF_PROGRAM_MOVED, move->qpn);
	message.adapter = move->adapter;
	message.moved.move_id = move->move.move_id;
	message.moved.err = err;
	put(fd, &message);
}

START_TEST(a_program_adds_moves_and_removes)
{
	int fd = greet("ib_\"write\"_bw\n");
	struct hf_program_message message;

	ck_assert_uint_eq(hf_program_server_count(server), 1);
	add(fd, 0x11);
	run_until(&added, 1);
	ck_assert_str_eq(last_added->who->name, "ib_?write?_bw?");
	ck_assert_int_eq(last_added->who->pid, getpid());
	ck_assert_uint_eq(last_added->key.qpn, 0x11);
	hf_program_qp_move(last_added, &any_path);
	ck_assert(get(fd, &message));
	ck_assert_uint_eq(message.kind, HF_PROGRAM_MOVE);
	ck_assert_uint_eq(message.move.path.dlid, 9);
	answer(fd, &message, -ETIMEDOUT);
	run_until(&moved, 1);
	ck_assert_int_eq(last_moved.err, -ETIMEDOUT);
	answer(fd, &message, 0);
	settle(fd, 0x11);
	ck_assert_uint_eq(moved, 1);
	hf_program_message_init(&message, HF_PROGRAM_REMOVE, 0x11);
	put(fd, &message);
	run_until(&removed, 1);
	close(fd);
}
END_TEST

START_TEST(an_answer_is_for_its_own_move_alone)
{
	int fd = greet("a");
	struct hf_program_message first, message = make_add(0x11);

	add(fd, 0x11);
	run_until(&added, 1);
	hf_program_qp_move(last_added, &any_path);
	ck_assert(get(fd, &first));
	message.add.dest_qpn++;		/* another connection */
	put(fd, &message);
	run_until(&added, 2);
	ck_assert_uint_eq(removed, 1);
	hf_program_qp_move(last_added, &any_path);
	ck_assert(get(fd, &message));
	ck_assert_uint_ne(message.move.move_id, first.move.move_id);
	answer(fd, &first, 0);
	settle(fd, 0x11);
	ck_assert_uint_eq(moved, 0);
	answer(fd, &message, 0);
	run_until(&moved, 1);
	close(fd);
}
END_TEST

START_TEST(the_same_queue_pair_again_is_no_other)
{
	int fd = greet("a");
	struct hf_program_message message = make_add(0x11);

	add(fd, 0x11);
	message.add.path.sl = 7;
	put(fd, &message);
	run_until(&added, 2);
	ck_assert_uint_eq(removed, 0);
	ck_assert_uint_eq(last_added->add.path.sl, 7);
	close(fd);
	run_until(&removed, 1);
}
END_TEST

START_TEST(two_adapters_may_have_the_same_number)
{
	int fd = greet("a");
	struct hf_program_message message = make_add(0x11);

	add(fd, 0x11);
	strcpy(message.add.device, "hfsim1");
	message.adapter = 1;
	put(fd, &message);
	run_until(&added, 2);
	ck_assert_uint_eq(removed, 0);
	hf_program_qp_move(last_added, &any_path);
	ck_assert(get(fd, &message));
	ck_assert_uint_eq(message.adapter, 1);
	close(fd);
}
END_TEST

START_TEST(nobody_gets_what_is_anothers)
{
	int first = greet("first"), second = greet("second");
	struct hf_program_message message;

	add(first, 0x11);
	run_until(&added, 1);
	add(second, 0x11);
	hf_program_message_init(&message, HF_PROGRAM_REMOVE, 0x11);
	put(second, &message);
	hf_program_message_init(&message, HF_PROGRAM_PEER, 0x11);
	put(second, &message);
	add(second, 0x12);
	run_until(&added, 2);
	ck_assert_uint_eq(removed, 0);
	ck_assert_uint_eq(peers, 0);
	ck_assert_uint_eq(log_lines, 1);
	add(second, 0x11);
	settle(second, 0x12);
	ck_assert_uint_eq(added, 2);
	ck_assert_uint_eq(log_lines, 1);
	settle(first, 0x11);
	close(first);
	close(second);
}
END_TEST

/* The number of a queue pair that is gone is given again before all who should know it do. */
START_TEST(who_has_ended_holds_nothing)
{
	int first = greet("first"), second = greet("second");

	add(first, 0x11);
	run_until(&added, 1);
	add(second, 0x11);	/* is read first: it is there already when the other ends */
	close(first);
	run_until(&added, 2);
	ck_assert_uint_eq(removed, 1);
	ck_assert_str_eq(last_added->who->name, "second");
	close(second);
}
END_TEST

START_TEST(sessions_and_queue_pairs_are_limited)
{
	int fds[4], fd;

	for (int i = 0; i < 4; i++)
		fds[i] = greet("a");
	ck_assert(is_cut_off(open_client()));
	close(fds[3]);
	fds[3] = -1;
	while (hf_program_server_count(server) == 4)
		event_base_loop(base, EVLOOP_NONBLOCK);
	fd = greet("b");
	for (uint32_t qpn = 1; qpn <= 5; qpn++)
		add(fd, qpn);
	settle(fd, 1);
	ck_assert_uint_eq(added, 3);
	ck_assert_uint_eq(log_lines, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(fd);
}
END_TEST

START_TEST(what_is_no_message_ends_its_session_alone)
{
	int good = greet("good");
	struct hf_program_message message;

	add(good, 0x11);
	for (int i = 0; i < 6; i++) {
		int bad = i < 2 ? open_client() : greet("bad");

		message = make_add(0x12 + i);
		if (i == 1) {
			hf_program_message_init(&message, HF_PROGRAM_HELLO, 0);
			message.hello.version = HF_PROGRAM_VERSION + 1;
		} else if (i == 2) {
			hf_program_message_init(&message, HF_PROGRAM_HELLO, 0);
			message.hello.version = HF_PROGRAM_VERSION;
		} else if (i == 3) {
			message.add.port_num = 0;
		} else if (i == 4) {
			message.kind = HF_PROGRAM_MOVE;
		}
		ck_assert_int_gt(send(bad, &message, sizeof(message) - (i == 5), MSG_NOSIGNAL), 0);
		ck_assert(is_cut_off(bad));
		ck_assert_uint_eq(log_lines, i + 1);
	}
	settle(good, 0x11);
	ck_assert_uint_eq(added, 1);
	close(good);
}
END_TEST

START_TEST(who_says_nothing_is_cut_off)
{
	int good = greet("good"), silent = open_client();

	ck_assert(is_cut_off(silent));
	add(good, 0x11);
	settle(good, 0x11);
	close(good);
}
END_TEST

START_TEST(who_does_not_answer_is_cut_off)
{
	int good = greet("good"), bad = greet("bad");

	add(good, 0x11);
	run_until(&added, 1);
	add(bad, 0x12);
	run_until(&added, 2);
	hf_program_qp_move(last_added, &any_path);
	ck_assert(is_cut_off(bad));
	ck_assert_uint_eq(removed, 1);
	settle(good, 0x11);
	close(good);
}
END_TEST

START_TEST(who_does_not_read_is_cut_off)
{
	int good = greet("good"), bad = greet("bad");
	const uint8_t word[] = "hello";
	uint64_t start_ns;

	add(good, 0x11);
	run_until(&added, 1);
	add(bad, 0x12);
	run_until(&added, 2);
	start_ns = hf_now_ns();
	for (int i = 0; i < 10000; i++)
		hf_program_qp_peer(last_added, &any_path, word, sizeof(word));
	ck_assert_uint_lt(hf_now_ns() - start_ns, DEADLINE_NS);
	settle(good, 0x11);
	run_until(&removed, 1);
	ck_assert(is_cut_off(bad));
	settle(good, 0x11);
	close(good);
}
END_TEST

/* More moves than the kernel keeps for a program: none is lost on one that reads. */
START_TEST(who_reads_gets_all)
{
	int fd = greet("a");
	const uint8_t word[] = "hello";
	struct hf_program_message message;
	unsigned int moves = 0;

	for (uint32_t qpn = 1; qpn <= 3; qpn++)
		add(fd, qpn);
	run_until(&added, 3);
	for (int i = 0; i < 10000; i++)
		hf_program_qp_peer(last_added, &any_path, word, sizeof(word));
	hf_program_qp_move(last_added, &any_path);
	while (moves < 1) {
		ck_assert(get(fd, &message));
		moves += message.kind == HF_PROGRAM_MOVE;
	}
	answer(fd, &message, 0);
	run_until(&moved, 1);
	ck_assert_uint_eq(removed, 0);
	close(fd);
}
END_TEST

/* Return: whether the server talks to a process of this user and group. */
static bool is_served(uid_t uid, gid_t gid, gid_t further)
{
	pid_t child = fork();
	int status;

	if (!child) {
		struct hf_program_message message;
		int fd;

		if (setgroups(further ? 1 : 0, &further) || setgid(gid) || setuid(uid))
			_exit(2);
		fd = open_client();
		hf_program_message_init(&message, HF_PROGRAM_HELLO, 0);
		message.hello.version = HF_PROGRAM_VERSION;
		if (send(fd, &message, sizeof(message), MSG_NOSIGNAL) < 0)
			_exit(1);
		_exit(recv(fd, &message, sizeof(message), 0) == sizeof(message) ? 0 : 1);
	}
	while (!waitpid(child, &status, WNOHANG)) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(500);
	}
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

START_TEST(a_group_alone_may_connect)
{
	const struct group *group;

	if (geteuid())
		return;		/* only root can be somebody else */
	group = getgrnam("adm");
	ck_assert_ptr_nonnull(group);
	gid_t gid = group->gr_gid;

	start("adm", MUCH_PATIENCE_MS);
	ck_assert(is_served(0, 0, 0));
	ck_assert(is_served(65534, gid, 0));
	ck_assert(is_served(65534, 65534, gid));
	ck_assert(!is_served(65534, 65534, 0));
	ck_assert(!is_served(65534, 65534, 1));
	teardown();
}
END_TEST

START_TEST(without_a_group_all_may)
{
	start("", MUCH_PATIENCE_MS);
	ck_assert(geteuid() || is_served(65534, 65534, 0));
	close(greet("a"));
	teardown();
}
END_TEST

START_TEST(a_group_that_is_none_is_refused)
{
	const struct hf_program_server_config config = { .path = "/tmp/none", .group = "no such group" };

	base = event_base_new();
	ck_assert_int_eq(hf_program_server_new(base, &config, &ops, NULL, &server), -ENOENT);
	event_base_free(base);
}
END_TEST

static Suite *program_server_suite(void)
{
	Suite *suite = suite_create("program_server");
	TCase *tcase = tcase_create("programs"), *users = tcase_create("users");
	TCase *impatient = tcase_create("impatient");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_program_adds_moves_and_removes);
	tcase_add_test(tcase, an_answer_is_for_its_own_move_alone);
	tcase_add_test(tcase, the_same_queue_pair_again_is_no_other);
	tcase_add_test(tcase, two_adapters_may_have_the_same_number);
	tcase_add_test(tcase, nobody_gets_what_is_anothers);
	tcase_add_test(tcase, who_has_ended_holds_nothing);
	tcase_add_test(tcase, sessions_and_queue_pairs_are_limited);
	tcase_add_test(tcase, what_is_no_message_ends_its_session_alone);
	tcase_add_test(tcase, who_reads_gets_all);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(impatient, setup_impatient, teardown);
	tcase_set_timeout(impatient, 120);
	tcase_add_test(impatient, who_says_nothing_is_cut_off);
	tcase_add_test(impatient, who_does_not_answer_is_cut_off);
	tcase_add_test(impatient, who_does_not_read_is_cut_off);
	suite_add_tcase(suite, impatient);
	tcase_set_timeout(users, 120);
	tcase_add_test(users, a_group_alone_may_connect);
	tcase_add_test(users, without_a_group_all_may);
	tcase_add_test(users, a_group_that_is_none_is_refused);
	suite_add_tcase(suite, users);
	return suite;
}

int main(void)
{
	return check_main(program_server_suite());
}
