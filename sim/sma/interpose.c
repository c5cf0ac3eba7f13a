/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * libhfsim-sma.so, preloaded into a stock ibsim: the functions of libc through which ibsim's sockets go. ibsim has one
 * thread, reads a client's socket only when select() says so, and connects a client's socket to it when it accepts it.
 *
 *   HF_SMA_VLS     data lanes of each port: 1, 2, 4, 8 or 15; unset: ibsim's eight
 *   HF_FABRIC_MAP  file that ibsim keeps its fabric in, for others to see (sim/fabric_map.h); unset: none
 *
 * Two more things that stock ibsim does not survive: a client that reads nothing gets nothing any more, where ibsim
 * would try for ever to write to it; and one that is gone when ibsim connects to it is taken as one that leaves later.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim/fabric_map.h"
#include "sim/sma/exchange.h"
#include "sim/sma/map.h"

#define EXPORT __attribute__((visibility("default")))
#define PATIENCE_MS	100	/* a client that reads at all makes room in this time */
#define SAY(format, ...) fprintf(stderr, "hfsim-sma: " format "\n", ##__VA_ARGS__)

struct client {
	struct hf_sma_exchange exchange;
	bool is_stalled;	/* it has not read for PATIENCE_MS; what it does not take at once is dropped */
	unsigned long dropped;	/* since then */
};

static struct client *clients[FD_SETSIZE];	/* by file descriptor */
static struct hf_sma sma;
static bool has_map;
static bool may_have_changed;	/* since the map's readers were last told */
static uintptr_t program_first, program_last;	/* ibsim's own code, without its libraries' */

static struct {
	ssize_t (*read)(int fd, void *buf, size_t count);
	ssize_t (*write)(int fd, const void *buf, size_t count);
	int (*select)(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout);
	int (*connect)(int fd, const struct sockaddr *address, socklen_t length);
} libc;

static void find_program(void)
{
	const ElfW(Phdr) *headers = (const void *)getauxval(AT_PHDR);
	size_t count = getauxval(AT_PHNUM);
	uintptr_t base = 0;

	for (size_t i = 0; headers && i < count; i++)
		if (headers[i].p_type == PT_PHDR)
			base = (uintptr_t)headers - headers[i].p_vaddr;
	for (size_t i = 0; headers && i < count; i++) {
		if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_X))
			continue;
		program_first = base + headers[i].p_vaddr;
		program_last = program_first + headers[i].p_memsz;
	}
}

static void start_map(const char *path)
{
	int err;

	if (!path || !*path)
		return;
	err = hf_map_begin(path);
	if (err) {
		SAY(HF_FABRIC_MAP_ENV "=%s: %s", path, strerror(-err));
		_exit(EXIT_FAILURE);
	}
	find_program();
	sma.keep = hf_map_keep;
	has_map = true;
}

__attribute__((constructor)) static void start(void)
{
	const char *lanes = getenv("HF_SMA_VLS");

	libc.read = dlsym(RTLD_NEXT, "read");
	libc.write = dlsym(RTLD_NEXT, "write");
	libc.select = dlsym(RTLD_NEXT, "select");
	libc.connect = dlsym(RTLD_NEXT, "connect");
	if (hf_sma_init(&sma, lanes) < 0) {
		SAY("HF_SMA_VLS=%s: allowed are 1, 2, 4, 8 and 15", lanes);
		_exit(EXIT_FAILURE);
	}
	start_map(getenv(HF_FABRIC_MAP_ENV));
}

/*
 * What ibsim's own code allocates until it serves its clients is its fabric. These functions run before start() too,
 * and for libc itself.
 */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void __libc_free(void *memory);

static bool is_for_map(const void *caller)
{
	return has_map && (uintptr_t)caller >= program_first && (uintptr_t)caller < program_last;
}

EXPORT void *malloc(size_t size)
{
	void *memory = is_for_map(__builtin_return_address(0)) ? hf_map_alloc(1, size) : NULL;

	return memory ? memory : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	void *memory = is_for_map(__builtin_return_address(0)) ? hf_map_alloc(count, size) : NULL;

	return memory ? memory : __libc_calloc(count, size);
}

EXPORT void free(void *memory)
{
	if (!hf_map_has(memory))
		__libc_free(memory);
}

/* ibsim comes here when it has read its fabric, and after whatever it has done. */
static void tell_readers(void)
{
	static bool is_published;
	const char *problem = is_published ? NULL : hf_map_publish();

	is_published = true;
	if (problem) {
		SAY(HF_FABRIC_MAP_ENV ": no map of this ibsim's fabric: %s", problem);
		_exit(EXIT_FAILURE);
	}
	if (may_have_changed)
		hf_map_changed();
	may_have_changed = false;
}

static struct client *find_client(int fd)
{
	return fd >= 0 && fd < FD_SETSIZE ? clients[fd] : NULL;
}

/* Of all that ibsim connects to only its clients' ends are called so. */
static bool is_client_address(const struct sockaddr *address, socklen_t length)
{
	const struct sockaddr_un *name = (const void *)address;
	size_t at = offsetof(struct sockaddr_un, sun_path);

	return length > at && length <= sizeof(*name) && name->sun_family == AF_UNIX && !name->sun_path[0] &&
	       memmem(name->sun_path, length - at, ":in", strlen(":in"));
}

static bool add_client(int fd)
{
	if (!clients[fd])
		clients[fd] = calloc(1, sizeof(*clients[fd]));
	if (!clients[fd])
		return false;
	hf_sma_exchange_init(&clients[fd]->exchange);
	clients[fd]->is_stalled = false;
	return true;
}

/* Without its connection the socket fails when it is written to, and ibsim frees the slot. */
static int tolerate_refusal(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	SAY("a client has gone before it was connected to: %s", strerror(errno));
	libc.connect(fd, &nobody, sizeof(nobody));
	return 0;
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int rc = libc.connect(fd, address, length);

	if (fd < 0 || fd >= FD_SETSIZE || !is_client_address(address, length))
		return rc;
	if (!add_client(fd)) {
		errno = ENOMEM;
		return -1;
	}
	return rc < 0 ? tolerate_refusal(fd) : rc;
}

/* Clients with a datagram of ours for ibsim come first: it must get that before anything else that they send. */
static int show_held_back(int count, fd_set *in, fd_set *out, fd_set *except)
{
	fd_set held_back;
	int found = 0;

	if (!in)
		return 0;
	FD_ZERO(&held_back);
	for (int fd = 0; fd < count && fd < FD_SETSIZE; fd++) {
		if (clients[fd] && FD_ISSET(fd, in) && hf_sma_exchange_is_readable(&clients[fd]->exchange)) {
			FD_SET(fd, &held_back);
			found++;
		}
	}
	if (!found)
		return 0;
	*in = held_back;
	if (out)
		FD_ZERO(out);
	if (except)
		FD_ZERO(except);
	return found;
}

EXPORT int select(int count, fd_set *restrict in, fd_set *restrict out, fd_set *restrict except,
		  struct timeval *restrict timeout)
{
	int found;

	if (has_map)
		tell_readers();
	found = show_held_back(count, in, out, except);
	return found ? found : libc.select(count, in, out, except, timeout);
}

/* Commands come a byte at a time. */
static ssize_t read_console(int fd, void *buf, size_t count)
{
	ssize_t got = libc.read(fd, buf, count);

	if (got > 0 && memchr(buf, '\n', got)) {
		sma.console_lines++;
		may_have_changed = true;
	}
	return got;
}

static void see_request(const struct hf_ibsim_mad *mad)
{
	const struct hf_mad_hdr *hdr = (const void *)mad->mad;

	if (hdr->method == HF_METHOD_SET)
		may_have_changed = true;
}

EXPORT ssize_t read(int fd, void *buf, size_t count)
{
	struct client *client = find_client(fd);
	struct hf_ibsim_mad mad;
	ssize_t got;

	if (!client)
		return read_console(fd, buf, count);
	if (count >= sizeof(mad) && hf_sma_exchange_next(&sma, &client->exchange, &mad)) {
		memcpy(buf, &mad, sizeof(mad));
		see_request(&mad);
		return sizeof(mad);
	}
	got = libc.read(fd, buf, count);
	if (got != sizeof(mad))
		return got;
	memcpy(&mad, buf, sizeof(mad));
	see_request(&mad);
	if (hf_sma_exchange_begin(&client->exchange, &mad) && hf_sma_exchange_next(&sma, &client->exchange, &mad))
		memcpy(buf, &mad, sizeof(mad));
	return got;
}

static ssize_t try_write(int fd, const struct hf_ibsim_mad *mad, int patience_ms)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	ssize_t wrote = libc.write(fd, mad, sizeof(*mad));

	if (wrote < 0 && errno == EAGAIN && patience_ms && poll(&room, 1, patience_ms) > 0)
		wrote = libc.write(fd, mad, sizeof(*mad));
	return wrote;
}

/* ibsim would try again for ever on EAGAIN; it is told that the MAD is written. */
static ssize_t write_or_drop(struct client *client, int fd, const struct hf_ibsim_mad *mad)
{
	ssize_t wrote = try_write(fd, mad, client->is_stalled ? 0 : PATIENCE_MS);

	if (wrote >= 0 && client->is_stalled) {
		SAY("the client at descriptor %d reads again; MADs dropped: %lu", fd, client->dropped);
		client->is_stalled = false;
	}
	if (wrote >= 0 || errno != EAGAIN)
		return wrote;
	if (!client->is_stalled) {
		SAY("the client at descriptor %d does not read; its MADs are dropped", fd);
		client->is_stalled = true;
		client->dropped = 0;
	}
	client->dropped++;
	return sizeof(*mad);
}

EXPORT ssize_t write(int fd, const void *buf, size_t count)
{
	struct client *client = find_client(fd);
	struct hf_ibsim_mad mad;

	if (!client || count != sizeof(mad))
		return libc.write(fd, buf, count);
	memcpy(&mad, buf, sizeof(mad));
	if (!hf_sma_exchange_written(&sma, &client->exchange, &mad))
		return count;
	return write_or_drop(client, fd, &mad);
}
