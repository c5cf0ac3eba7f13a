/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILE_SIZE (HF_ENDPOINT_COUNT * sizeof(struct hf_endpoint_entry))

static void *map_file(const char *path, size_t size, int flags, int *ret_fd)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
	struct stat stat;
	void *map = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (flags & O_CREAT)
		fchmod(fd, 0666);	/* fails where it is another user's, who has done so */
	if (fstat(fd, &stat) < 0 || ((size_t)stat.st_size < size && (!(flags & O_CREAT) || ftruncate(fd, size) < 0)))
		goto err_close;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		goto err_close;
	if (ret_fd)
		*ret_fd = fd;
	else
		close(fd);
	return map;

err_close:
	close(fd);
	return NULL;
}

static int lock_byte(int fd, uint32_t number, short type, int command)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = number, .l_len = 1 };

	if (fcntl(fd, command, &lock) < 0)
		return -errno;
	return lock.l_type == F_UNLCK ? 0 : -EAGAIN;
}

/* A number that no living process holds. */
static int claim_number(struct hf_endpoint *endpoint)
{
	for (uint32_t i = 1; i < HF_ENDPOINT_COUNT; i++) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1 };

		if (atomic_load(&endpoint->entries[i].incarnation) || fcntl(endpoint->fd, F_OFD_SETLK, &lock) < 0)
			continue;
		endpoint->number = i;
		return 0;
	}
	return -EBUSY;
}

/* Who was killed has left its number as it was. */
static void clear_dead(struct hf_endpoint *endpoint)
{
	for (uint32_t i = 1; i < HF_ENDPOINT_COUNT; i++)
		if (atomic_load(&endpoint->entries[i].incarnation))
			hf_endpoint_is_alive(endpoint, i, true);
}

int hf_endpoint_open(struct hf_endpoint *endpoint, const char *map, uint32_t node)
{
	char path[sizeof(endpoint->path) + sizeof(".endpoints")];
	struct hf_endpoint_entry *own;
	int err;

	if ((size_t)snprintf(endpoint->path, sizeof(endpoint->path), "%s", map) >= sizeof(endpoint->path))
		return -ENAMETOOLONG;
	snprintf(path, sizeof(path), "%s.rings", map);
	if (mkdir(path, 0777) == 0)
		chmod(path, 01777);
	else if (errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s.endpoints", map);
	endpoint->entries = map_file(path, FILE_SIZE, O_CREAT, &endpoint->fd);
	if (!endpoint->entries)
		return errno ? -errno : -EIO;
	clear_dead(endpoint);
	err = claim_number(endpoint);
	if (err)
		goto err_unmap;
	own = &endpoint->entries[endpoint->number];
	endpoint->incarnation = atomic_fetch_add(&own->last_incarnation, 1) + 1;
	for (unsigned int i = 0; i < HF_ENDPOINT_WORDS; i++)
		atomic_store(&own->rings[i], 0);
	atomic_store(&own->is_asleep, 0);
	atomic_store(&own->node, node);
	atomic_store(&own->incarnation, endpoint->incarnation);
	return 0;

err_unmap:
	munmap(endpoint->entries, FILE_SIZE);
	close(endpoint->fd);
	return err;
}

static void ring_path(const struct hf_endpoint *endpoint, uint32_t from, uint32_t from_incarnation, uint32_t to,
		      uint32_t to_incarnation, char *path, size_t size)
{
	snprintf(path, size, "%s.rings/%u.%u-%u.%u", endpoint->path, from, from_incarnation, to, to_incarnation);
}

static void path_to(const struct hf_endpoint *endpoint, uint32_t number, uint32_t incarnation, char *path, size_t size)
{
	ring_path(endpoint, endpoint->number, endpoint->incarnation, number, incarnation, path, size);
}

static void path_from(const struct hf_endpoint *endpoint, uint32_t number, uint32_t incarnation, char *path,
		      size_t size)
{
	ring_path(endpoint, number, incarnation, endpoint->number, endpoint->incarnation, path, size);
}

/* The file stays for its reader to finish with, if there still is one. */
static void drop_out(struct hf_endpoint *endpoint, uint32_t number)
{
	struct hf_endpoint_peer *peer = &endpoint->peers[number];
	char path[PATH_MAX + 64];

	if (!peer->out)
		return;
	munmap(peer->out, sizeof(*peer->out));
	peer->out = NULL;
	if (atomic_load(&endpoint->entries[number].incarnation) == peer->out_incarnation)
		return;
	path_to(endpoint, number, peer->out_incarnation, path, sizeof(path));
	unlink(path);
}

/* It may hold what its writer, which is gone, has sent at last. */
static void drop_in(struct hf_endpoint *endpoint, uint32_t number)
{
	struct hf_endpoint_peer *peer = &endpoint->peers[number];
	char path[PATH_MAX + 64];

	if (!peer->in)
		return;
	munmap(peer->in, sizeof(*peer->in));
	peer->in = NULL;
	path_from(endpoint, number, peer->in_incarnation, path, sizeof(path));
	unlink(path);
}

void hf_endpoint_close(struct hf_endpoint *endpoint)
{
	atomic_store(&endpoint->entries[endpoint->number].incarnation, 0);
	for (uint32_t i = 1; i < HF_ENDPOINT_COUNT; i++) {
		bool had_out = endpoint->peers[i].out;

		drop_out(endpoint, i);
		drop_in(endpoint, i);
		if (had_out && i != endpoint->number)
			hf_endpoint_ring_bell(endpoint, i);
	}
	munmap(endpoint->entries, FILE_SIZE);
	close(endpoint->fd);
}

bool hf_endpoint_is_alive(struct hf_endpoint *endpoint, uint32_t number, bool is_sure)
{
	unsigned int incarnation;

	if (number == 0 || number >= HF_ENDPOINT_COUNT)
		return false;
	incarnation = atomic_load(&endpoint->entries[number].incarnation);
	if (!incarnation || !is_sure || number == endpoint->number)
		return incarnation;
	if (lock_byte(endpoint->fd, number, F_WRLCK, F_OFD_GETLK) != 0)
		return true;
	atomic_compare_exchange_strong(&endpoint->entries[number].incarnation, &incarnation, 0);
	return false;
}

struct hf_ring *hf_endpoint_ring_to(struct hf_endpoint *endpoint, uint32_t number)
{
	struct hf_endpoint_peer *peer = &endpoint->peers[number % HF_ENDPOINT_COUNT];
	unsigned int incarnation;
	char path[PATH_MAX + 64];

	if (!hf_endpoint_is_alive(endpoint, number, false))
		return NULL;
	incarnation = atomic_load(&endpoint->entries[number].incarnation);
	if (peer->out && peer->out_incarnation == incarnation)
		return peer->out;
	drop_out(endpoint, number);
	path_to(endpoint, number, incarnation, path, sizeof(path));
	peer->out = map_file(path, sizeof(struct hf_ring), O_CREAT, NULL);
	peer->out_incarnation = incarnation;
	return peer->out;
}

struct hf_ring *hf_endpoint_ring_from(struct hf_endpoint *endpoint, uint32_t number)
{
	struct hf_endpoint_peer *peer = &endpoint->peers[number % HF_ENDPOINT_COUNT];
	unsigned int incarnation;
	char path[PATH_MAX + 64];

	if (number == 0 || number >= HF_ENDPOINT_COUNT)
		return NULL;
	incarnation = atomic_load(&endpoint->entries[number].last_incarnation);
	if (peer->in && peer->in_incarnation == incarnation)
		return peer->in;
	drop_in(endpoint, number);
	path_from(endpoint, number, incarnation, path, sizeof(path));
	peer->in = map_file(path, sizeof(struct hf_ring), 0, NULL);
	peer->in_incarnation = incarnation;
	return peer->in;
}

static void futex_wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void hf_endpoint_ring_bell(struct hf_endpoint *endpoint, uint32_t number)
{
	struct hf_endpoint_entry *entry = &endpoint->entries[number % HF_ENDPOINT_COUNT];

	atomic_fetch_or(&entry->rings[endpoint->number / 64], UINT64_C(1) << endpoint->number % 64);
	if (atomic_load(&entry->is_asleep)) {
		atomic_fetch_add(&entry->bell, 1);
		futex_wake(&entry->bell);
	}
}

uint64_t hf_endpoint_take_bells(struct hf_endpoint *endpoint, unsigned int word)
{
	_Atomic uint64_t *bells = &endpoint->entries[endpoint->number].rings[word];

	return atomic_load_explicit(bells, memory_order_relaxed) ? atomic_exchange(bells, 0) : 0;
}

bool hf_endpoint_has_bells(struct hf_endpoint *endpoint)
{
	for (unsigned int i = 0; i < HF_ENDPOINT_WORDS; i++)
		if (atomic_load(&endpoint->entries[endpoint->number].rings[i]))
			return true;
	return false;
}

unsigned int hf_endpoint_bell(struct hf_endpoint *endpoint)
{
	return atomic_load(&endpoint->entries[endpoint->number].bell);
}

void hf_endpoint_sleep(struct hf_endpoint *endpoint, unsigned int bell, bool listens, uint64_t timeout_ns)
{
	struct hf_endpoint_entry *own = &endpoint->entries[endpoint->number];
	struct timespec timeout = { .tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000 };

	atomic_store(&own->is_asleep, listens);
	if (!listens || !hf_endpoint_has_bells(endpoint))
		syscall(SYS_futex, &own->bell, FUTEX_WAIT, bell, &timeout, NULL, 0);
	atomic_store(&own->is_asleep, 0);
}

void hf_endpoint_wake(struct hf_endpoint *endpoint)
{
	struct hf_endpoint_entry *own = &endpoint->entries[endpoint->number];

	atomic_fetch_add(&own->bell, 1);
	futex_wake(&own->bell);
}
