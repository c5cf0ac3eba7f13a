/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Damaged fabric maps. The input is a list of patches to a sound map, each of where (two bytes, times four), how many
 * bytes (one) and the bytes; or, if the first byte is odd, what is behind it is the map. Everything is asked of it
 * then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fabric_image.h"

static void ignore(void *context, const struct hf_map_route *route)
{
	const struct hf_map *fabric = context;

	if (route->port >= fabric->header.ports.count && route->fate == HF_FABRIC_DELIVERED)
		abort();
}

static void ask_port(const struct hf_map *fabric, uint32_t index)
{
	struct hf_map_port port;
	uint16_t pkey;
	__be64 guid;

	if (hf_map_get_port(fabric, index, &port) < 0)
		return;
	if (port.has_peer && port.peer >= fabric->header.ports.count)
		abort();
	for (unsigned int i = 0; hf_map_get_guid(fabric, &port, i, &guid) == 0; i++)
		;
	for (unsigned int i = 0; hf_map_get_pkey(fabric, &port, i, &pkey) == 0; i++)
		;
}

static void ask_all(const struct hf_map *fabric)
{
	struct hf_map_route route;
	struct hf_map_node node;

	hf_map_find_node(fabric, "H_3", &node);
	for (uint32_t i = 0; i < fabric->header.nodes.count && i < 100; i++)
		hf_map_get_node(fabric, i, &node);
	for (uint32_t i = 0; i < fabric->header.ports.count && i < 100; i++) {
		struct hf_map_packet packet = { .from = i, .sl = i % 16, .pkey = 0xffff };

		ask_port(fabric, i);
		for (packet.dlid = 1; packet.dlid < 8; packet.dlid++) {
			hf_map_route(fabric, &packet, &route);
			ignore((void *)fabric, &route);
		}
	}
	hf_map_flood(fabric, &(struct hf_map_packet){ .from = image_adapter_port(0), .dlid = 0xc000 }, ignore,
			(void *)fabric);
}

static void patch(struct fabric_image *image, const uint8_t *data, size_t len)
{
	while (len >= 3) {
		size_t at = (data[0] << 8 | data[1]) * 4, count = data[2];

		data += 3;
		len -= 3;
		if (count > len)
			count = len;
		if (at < sizeof(*image) && count <= sizeof(*image) - at)
			memcpy((uint8_t *)image + at, data, count);
		data += count;
		len -= count;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fabric_image *image = malloc(sizeof(*image));
	struct hf_map fabric;
	size_t size = sizeof(*image);

	if (!image || len == 0)
		goto out;
	fabric_image_init(image);
	if (data[0] % 2) {
		size = len - 1 < size ? len - 1 : size;
		memcpy(image, data + 1, size);
	} else {
		image->mfts[0][0] = image->mfts[1][0] = 0xffff;
		patch(image, data + 1, len - 1);
	}
	if (hf_map_init(&fabric, image, size) == 0)
		ask_all(&fabric);
out:
	free(image);
	return 0;
}
