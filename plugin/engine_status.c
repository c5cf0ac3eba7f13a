/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

static enum hf_waiting find_waiting(const struct hf_engine *engine)
{
	if (!engine->waiting.snapshot)
		return HF_WAITING_NOTHING;
	return engine->waiting.snapshot->routing.is_written ? HF_WAITING_SUBNET_UP : HF_WAITING_WRITTEN;
}

void hf_engine_publish_status(struct hf_engine *engine)
{
	struct hf_status *status = &engine->status;

	status->waiting = find_waiting(engine);
	status->waiting_epoch = engine->waiting.snapshot ? engine->waiting.snapshot->routing.epoch : 0;
	hf_status_publish(engine->config.board, status, engine->announced);
}

static struct hf_status_announced describe_snapshot(const struct hf_snapshot *snapshot)
{
	struct hf_status_announced announced = {
		.epoch = snapshot->routing.epoch,
		.rows = snapshot->n_rows,
		.columns = snapshot->n_columns,
		.entries = (uint64_t)snapshot->n_rows * snapshot->n_columns,
		.bytes = hf_snapshot_bytes(snapshot),
	};
	uint32_t ports, switches;

	hf_snapshot_count_ports(snapshot, &ports, &switches);
	announced.ports = ports;
	announced.switches = switches;
	return announced;
}

void hf_engine_set_announced(struct hf_engine *engine, struct hf_snapshot *snapshot)
{
	hf_snapshot_free(engine->announced);
	engine->announced = snapshot;
	engine->status.announced = snapshot ? describe_snapshot(snapshot) : (struct hf_status_announced) { 0 };
	hf_engine_publish_status(engine);
}
