/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The child of hfsim_asker.h: the socket is its standard input. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/hfsim.h"
#include "tools/hfsim_asker.h"
#include "tools/sa_paths.h"

#define QUERY_TIMEOUT_MS 60000	/* for the largest fabrics */

static int write_all(const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = send(STDIN_FILENO, (const char *)data + done, size - done, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return -errno;
		done += sent > 0 ? sent : 0;
	}
	return 0;
}

static int write_records(const struct hf_sa_table *records)
{
	struct hf_path_record *copies = calloc(records->count + 1, sizeof(*copies));
	int err;

	if (!copies)
		return -ENOMEM;
	for (size_t i = 0; i < records->count; i++)
		memcpy(&copies[i], hf_sa_table_record(records, i), sizeof(*copies));
	err = write_all(copies, records->count * sizeof(*copies));
	free(copies);
	return err;
}

static int answer(struct hf_umad *umad, int agent, uint32_t tid)
{
	struct hf_asker_answer header = { 0 };
	struct hf_sa_paths paths = { NULL };
	struct hf_umad_port port;
	int err;

	/* A subnet manager that was started anew may have another LID. */
	header.err = hf_umad_read_port(umad, &port);
	if (!header.err)
		header.err = hf_sa_paths_query(umad, agent, &port, tid, QUERY_TIMEOUT_MS, &paths);
	header.n_records = header.err ? 0 : paths.records.count;
	err = write_all(&header, sizeof(header));
	if (!err && !header.err)
		err = write_records(&paths.records);
	hf_sa_paths_fini(&paths);
	return err ? err : header.err;
}

int hf_command_answer(int argc, char **argv)
{
	struct hf_asker_question question;
	struct hf_umad *umad;
	uint32_t tid = 0;
	int agent, err;

	(void)argc;
	(void)argv;
	err = hf_umad_open(NULL, 0, &umad);
	if (err) {
		fprintf(stderr, "hfsim: the adapter cannot be opened: %s\n", strerror(-err));
		return HF_EXIT_FAILED;
	}
	err = hf_umad_register_sa(umad, false, &agent);
	while (!err && read(STDIN_FILENO, &question, sizeof(question)) == sizeof(question))
		for (uint32_t i = 0; !err && i < question.times; i++)
			err = answer(umad, agent, ++tid);
	hf_umad_close(umad);
	if (err)
		fprintf(stderr, "hfsim: the SA gives no path records: %s\n", strerror(-err));
	return err ? HF_EXIT_FAILED : HF_EXIT_OK;
}
