/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_packets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct hf_packet) == 32, "the layout of the files");

/* Calls @take for each whole record of a file. */
static int read_file(const char *path, int (*take)(void *ctx, const struct hf_packet *packet), void *ctx)
{
	struct hf_packet packet;
	FILE *file = fopen(path, "re");
	int err = 0;

	if (!file)
		return -errno;
	while (!err && fread(&packet, sizeof(packet), 1, file) == 1)
		err = take(ctx, &packet);
	if (!err && ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

static int take_sent(void *ctx, const struct hf_packet *packet)
{
	struct hf_packets *packets = ctx;

	/* A doubling array: its size is the count where that is a power of two. */
	if (!(packets->count & (packets->count - 1))) {
		size_t size = packets->count ? 2 * packets->count : 1;
		struct hf_sent_packet *grown = reallocarray(packets->list, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		packets->list = grown;
	}
	packets->list[packets->count++] = (struct hf_sent_packet){
		.sent_ns = packet->sent_ns, .service = packet->service, .seq = packet->seq, .port = HF_PACKET_NO_PORT,
	};
	return 0;
}

static int compare_packets(const void *a, const void *b)
{
	const struct hf_sent_packet *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int take_received(void *ctx, const struct hf_packet *packet)
{
	struct hf_packets *packets = ctx;
	const struct hf_sent_packet key = { .service = packet->service, .seq = packet->seq };
	struct hf_sent_packet *sent = packets->count ? bsearch(&key, packets->list, packets->count, sizeof(key),
							       compare_packets) : NULL;

	if (!sent || sent->sent_ns != packet->sent_ns) {
		packets->strays++;
		return 0;
	}
	if (!sent->copies || packet->received_ns < sent->received_ns) {
		sent->received_ns = packet->received_ns;
		sent->port = packet->port;
	}
	sent->copies++;
	return 0;
}

int hf_packets_load(const char *sent_path, const char *const *paths, size_t n_paths, struct hf_packets *ret_packets)
{
	struct hf_packets packets = { 0 };
	int err = read_file(sent_path, take_sent, &packets);

	if (!err && packets.count)
		qsort(packets.list, packets.count, sizeof(*packets.list), compare_packets);
	for (size_t i = 0; !err && i < n_paths; i++) {
		err = read_file(paths[i], take_received, &packets);
		if (err == -ENOENT)
			err = 0;
	}
	if (err) {
		hf_packets_fini(&packets);
		return err;
	}
	*ret_packets = packets;
	return 0;
}

void hf_packets_fini(struct hf_packets *packets)
{
	free(packets->list);
	*packets = (struct hf_packets){ 0 };
}

/* Index of the first packet of a service; the count where it is behind all. */
static size_t find_service(const struct hf_packets *packets, uint32_t service)
{
	size_t low = 0, high = packets->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (packets->list[middle].service < service)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The row of lost packets that this one is in, from the last one received to the next; open at the ends of the run. */
static uint64_t silence_around(const struct hf_packets *packets, size_t at, size_t first, size_t end)
{
	size_t before = at, after = at;

	while (before > first && !packets->list[before].copies)
		before--;
	while (after + 1 < end && !packets->list[after].copies)
		after++;
	return packets->list[after].sent_ns - packets->list[before].sent_ns;
}

static void add_port(uint32_t *ports, size_t *count, size_t most, uint32_t port)
{
	for (size_t i = 0; i < *count; i++)
		if (ports[i] == port)
			return;
	if (*count < most)
		ports[(*count)++] = port;
}

void hf_packets_judge(const struct hf_packets *packets, uint32_t service, uint64_t from_ns, uint64_t to_ns,
		      struct hf_packet_span *ret_span)
{
	size_t first = find_service(packets, service), end = find_service(packets, service + 1), n_ports = 0;
	uint32_t ports[64], before = HF_PACKET_NO_PORT;
	struct hf_packet_span span = { 0 };
	bool was_lost = false;

	for (size_t i = first; i < end; i++) {
		const struct hf_sent_packet *packet = &packets->list[i];

		if (packet->sent_ns >= to_ns)
			break;
		if (packet->sent_ns >= from_ns) {
			span.sent++;
			span.lost += !packet->copies;
			span.doubled += packet->copies > 1;
			if (packet->copies)
				add_port(ports, &n_ports, sizeof(ports) / sizeof(ports[0]), packet->port);
			if (packet->copies && !span.moved_ns && before != HF_PACKET_NO_PORT && packet->port != before)
				span.moved_ns = packet->sent_ns;
			if (!packet->copies && !was_lost) {
				uint64_t silent_ns = silence_around(packets, i, first, end);

				if (silent_ns > span.silent_ns)
					span.silent_ns = silent_ns;
			}
			was_lost = !packet->copies;
		}
		if (packet->copies)
			before = packet->port;
	}
	span.ports = n_ports;
	*ret_span = span;
}
