/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/log.h"

#define IBSIM_WAIT_MS	10000
#define OTHER_FDS	64 /* beside one for each client */
#define PROBE_MS	1000 /* each client is looked at this often */

static const char usage_text[] =
	"Usage: hfsim-mux --listen NAME --ibsim NAME\n"
	"Lets any number of simulated hosts share the client slots of ibsim.\n"
	"\n"
	"  -l, --listen NAME   serve clients under this socket base name (their IBSIM_SOCKNAME)\n"
	"  -i, --ibsim NAME    socket base name of ibsim\n"
	"  -h, --help          print this\n"
	"  -V, --version       print the version\n";

/* Probes so many clients that all had their turn in PROBE_MS. */
static void probe_clients(struct hf_mux *mux)
{
	for (unsigned int i = 0; i < HF_MUX_CLIENTS * HF_MUX_TICK_MS / PROBE_MS + 1; i++) {
		struct hf_mux_client *client = mux->clients[mux->probe_next];

		mux->probe_next = (mux->probe_next + 1) % HF_MUX_CLIENTS;
		if (client)
			hf_mux_client_probe(client);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux *mux = arg;
	struct hf_mux_node *node = hf_mux_nodes_next(&mux->nodes);

	(void)fd;
	(void)what;
	if (node)
		hf_mux_node_ask(mux, node);
	probe_clients(mux);
	hf_mux_replies_retry(mux);
	hf_mux_rover_probe(mux->rover);
}

static void on_signal(evutil_socket_t signum, short what, void *arg)
{
	struct hf_mux *mux = arg;

	(void)signum;
	(void)what;
	event_base_loopbreak(mux->base);
}

static void received(void *ctx, struct hf_ibsim_mad *mad)
{
	hf_mux_from_ibsim(ctx, mad);
}

static void lost_ibsim(void *ctx)
{
	struct hf_mux *mux = ctx;

	mux->status = EX_UNAVAILABLE;
	event_base_loopbreak(mux->base);
}

static const struct hf_mux_rover_ops rover_ops = { .received = received, .lost = lost_ibsim };

static int open_ctl(struct hf_mux *mux)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, mux->listen_name, "ctl", -1);

	if (!length)
		return -ENAMETOOLONG;
	mux->ctl_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (mux->ctl_fd < 0 || bind(mux->ctl_fd, (struct sockaddr *)&addr, length))
		return -errno;
	return 0;
}

static int add_events(struct hf_mux *mux)
{
	const struct timeval tick = { .tv_usec = HF_MUX_TICK_MS * 1000 };

	mux->ctl_readable = event_new(mux->base, mux->ctl_fd, EV_READ | EV_PERSIST, hf_mux_ctl_readable, mux);
	mux->tick = event_new(mux->base, -1, EV_PERSIST, on_tick, mux);
	mux->sigterm = evsignal_new(mux->base, SIGTERM, on_signal, mux);
	mux->sigint = evsignal_new(mux->base, SIGINT, on_signal, mux);
	if (!mux->ctl_readable || !mux->tick || !mux->sigterm || !mux->sigint)
		return -ENOMEM;
	return event_add(mux->ctl_readable, NULL) || event_add(mux->tick, &tick) || event_add(mux->sigterm, NULL) ||
	       event_add(mux->sigint, NULL) ? -ENOMEM : 0;
}

static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= HF_MUX_CLIENTS + OTHER_FDS)
		return;
	limit.rlim_cur = limit.rlim_max < HF_MUX_CLIENTS + OTHER_FDS ? limit.rlim_max : HF_MUX_CLIENTS + OTHER_FDS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct hf_mux *mux)
{
	uint16_t first_tag;

	raise_fd_limit();
	if (getrandom(&first_tag, sizeof(first_tag), 0) != (ssize_t)sizeof(first_tag))
		return -errno;
	hf_mux_tags_init(&mux->tags, first_tag);
	mux->base = event_base_new();
	if (!mux->base)
		return -ENOMEM;

	int ret = hf_mux_rover_new(mux->base, mux->ibsim_name, IBSIM_WAIT_MS, &rover_ops, mux, &mux->rover);

	if (ret) {
		hf_log(HF_LOG_ERROR, "cannot connect to ibsim \"%s\": %s", mux->ibsim_name, strerror(-ret));
		return ret;
	}
	ret = open_ctl(mux);
	if (ret == 0)
		ret = add_events(mux);
	if (ret)
		hf_log(HF_LOG_ERROR, "cannot serve \"%s\": %s", mux->listen_name, strerror(-ret));
	return ret;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

/* A second signal must not cut the end short. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void stop(struct hf_mux *mux)
{
	block_signals();
	if (mux->rover)
		hf_mux_rover_stop(mux->rover);
	for (unsigned int i = 0; i < HF_MUX_CLIENTS; i++) {
		if (mux->clients[i])
			hf_mux_client_free(mux->clients[i]);
	}
	hf_mux_replies_drop(mux);
	if (mux->rover)
		hf_mux_trunk_close(mux);
	hf_mux_rover_free(mux->rover);
	free_event(mux->ctl_readable);
	free_event(mux->tick);
	free_event(mux->sigterm);
	free_event(mux->sigint);
	if (mux->ctl_fd >= 0)
		close(mux->ctl_fd);
	if (mux->base)
		event_base_free(mux->base);
}

static int run(const char *listen_name, const char *ibsim_name)
{
	struct hf_mux *mux = calloc(1, sizeof(*mux));

	if (!mux)
		return EX_OSERR;
	mux->listen_name = listen_name;
	mux->ibsim_name = ibsim_name;
	mux->ctl_fd = -1;
	mux->trunk.pipe.fd = -1;
	if (start(mux)) {
		mux->status = EX_UNAVAILABLE;
	} else {
		hf_log(HF_LOG_INFO, "ibsim \"%s\" is shared as \"%s\"", ibsim_name, listen_name);
		event_base_dispatch(mux->base);
		hf_log(HF_LOG_INFO, "end; %" PRIu64 " MADs were lost because a client did not read", mux->dropped);
	}
	stop(mux);

	int status = mux->status;

	free(mux);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' }, { "ibsim", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { 0 },
	};
	const char *listen_name = NULL, *ibsim_name = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "l:i:hV", options, NULL)) >= 0) {
		switch (option) {
		case 'l':
			listen_name = optarg;
			break;
		case 'i':
			ibsim_name = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return EX_OK;
		case 'V':
			puts("hfsim-mux " PACKAGE_VERSION);
			return EX_OK;
		default:
			fputs(usage_text, stderr);
			return EX_USAGE;
		}
	}
	if (!listen_name || !ibsim_name || optind < argc || strcmp(listen_name, ibsim_name) == 0) {
		fputs(usage_text, stderr);
		return EX_USAGE;
	}
	return run(listen_name, ibsim_name);
}
