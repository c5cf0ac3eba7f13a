/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Who hears what after a routing (repath-signalling, figures 3 to 5): changes, subscribers and a mode in, reports out.
 * Pure. The modes are a table in signaller.c, one function a mode.
 *
 * In every mode but "off" a path that is lost is told by trap 68: once with COMP_MASK=DGID to every subscriber where no
 * source reaches the destination any more, else with COMP_MASK=SGID|DGID to the two hosts of the path, as far as they
 * are there. WAIT_FOR_REPATH says that the destination is still in the subnet. What comes back is told by trap 69.
 *
 * Paths between ports of which none subscribed, say between two switches, are told to nobody.
 *
 * In mode "targeted" a host hears of the paths that begin at its port, and of no others; doc/protocol.md has the table.
 */
#ifndef HF_PLUGIN_SIGNALLER_H
#define HF_PLUGIN_SIGNALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/umad_io.h"
#include "lib/wire.h"
#include "plugin/bulk.h"
#include "plugin/distinguisher.h"

#define HF_HEARS_UNPATH	0x1	/* trap 68 */
#define HF_HEARS_REPATH	0x2	/* trap 69 */
#define HF_HEARS_ALL	0x3

struct hf_subscriber {
	struct hf_mad_addr addr;
	uint32_t port;		/* of the snapshot, or HF_NO_INDEX */
	unsigned int hears;	/* HF_HEARS_* */
};

/* What a Report carries besides its issuer. */
struct hf_report {
	uint64_t epoch;		/* of the routing that it is about */
	uint16_t trap_num;	/* HF_TRAP_UNPATH or HF_TRAP_REPATH */
	bool wait;		/* WAIT_FOR_REPATH */
	uint64_t comp_mask;	/* HF_PR_COMP_*; 0: all paths, @path is zero */
	struct hf_path_record path;
	uint16_t notice_count;	/* set by the reporter: tells the attempts of one report from the next report */
	uint64_t instance;	/* 0: without epochs; else with this, @base and @epoch, see struct hf_report_epochs */
	uint64_t base, leads_to; /* @leads_to: @epoch, or the epoch before where a second Report leads on from it */
	uint32_t site;		/* of the destination of @path, where it is one path and @instance is given */
	uint32_t changes;	/* of how many paths it tells the host, where @instance is given */
	struct hf_report_body body;	/* of a delta that goes with it */
};

static inline bool hf_report_is_wildcard(const struct hf_report *report)
{
	return report->trap_num == HF_TRAP_REPATH && !report->comp_mask;
}

enum hf_mode {
	HF_MODE_OFF,
	HF_MODE_WILDCARD,
	HF_MODE_REPATH_ONLY,
	HF_MODE_HYBRID,
	HF_MODE_TARGETED,
	HF_MODES,
};

/* The names by enum hf_mode, NULL behind the last: the choices of option "mode". */
extern const char *const hf_mode_names[HF_MODES + 1];

/* Takes one report; both are borrowed for the call. Ends the signalling where it returns a negative errno. */
typedef int (*hf_emit_fn)(void *ctx, const struct hf_subscriber *to, const struct hf_report *report);

/**
 * hf_signal() - decide who hears what
 * @mode:        how
 * @changes:     between the routing announced last and the one to announce
 * @bulk:        where the latter has been published, with @changes; for HF_MODE_TARGETED alone
 * @subscribers: all of them; borrowed
 * @count:       their number
 * @emit:        gets each report, for one subscriber in the order in which it shall be sent
 * @ctx:         passed to @emit
 *
 * Return: 0; -ENOMEM; what @emit returned.
 */
int hf_signal(enum hf_mode mode, const struct hf_changes *changes, struct hf_bulk *bulk,
	      const struct hf_subscriber *subscribers, size_t count, hf_emit_fn emit, void *ctx);

/**
 * hf_signal_unknown() - tell everybody to ask, where it is not known what changed for them
 * @mode:  nobody is told in HF_MODE_OFF
 * @epoch: of the routing
 * @subscribers, @count, @emit, @ctx: as above
 *
 * Return: 0; what @emit returned.
 */
int hf_signal_unknown(enum hf_mode mode, uint64_t epoch, const struct hf_subscriber *subscribers, size_t count,
		      hf_emit_fn emit, void *ctx);

#endif
