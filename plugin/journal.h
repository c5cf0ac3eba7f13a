/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The journal: who owned which service at which term, and the MLID or LID that the SM gave it, over restarts of the SM.
 * A text file:
 *
 *	holdfast-journal 1
 *	NAME 0xMLID 0xLID 0xOWNER-PORT-GUID TERM
 *	...
 *	end COUNT CRC
 *
 * COUNT is the number of services, CRC the CRC-32 of all bytes before the last line, 8 hexadecimal digits. The file is
 * replaced at once: there is the old one or the new one, whatever happens.
 */
#ifndef HF_PLUGIN_JOURNAL_H
#define HF_PLUGIN_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "plugin/services_file.h"

#define HF_JOURNAL_VERSION	1

struct hf_journal_entry {
	char name[HF_SERVICE_NAME_MAX + 1];
	uint16_t mlid, lid;	/* 0: none */
	uint64_t owner;		/* port GUID; 0: nobody ever */
	uint64_t term;
};

/**
 * hf_journal_parse() - read a journal's text
 * @text:        need not end with a zero
 * @length:      of it, in bytes
 * @ret_entries: freed with free()
 * @ret_count:   how many
 * @ret_why:     on failure what is wrong, a constant
 *
 * Pure. Return: 0; -EBADMSG; -ENOMEM.
 */
int hf_journal_parse(const char *text, size_t length, struct hf_journal_entry **ret_entries, size_t *ret_count,
		     const char **ret_why);

/* The text, freed with free(). Return: 0; -ENOMEM. */
int hf_journal_format(const struct hf_journal_entry *entries, size_t count, char **ret_text, size_t *ret_length);

/**
 * hf_journal_load() - read the journal
 * @path:    the file; that there is none is no failure
 * @ret_why: on -EBADMSG what is wrong, a constant
 *
 * Return: 0; as hf_journal_parse(); -EFBIG; the negative errno of reading it.
 */
int hf_journal_load(const char *path, struct hf_journal_entry **ret_entries, size_t *ret_count, const char **ret_why);

/**
 * hf_journal_save() - replace the journal
 * @path: the file; PATH.tmp is written, synchronized and renamed to it, and the folder is synchronized
 *
 * Return: 0; -ENOMEM; the negative errno of what failed, and the old one is still there.
 */
int hf_journal_save(const char *path, const struct hf_journal_entry *entries, size_t count);

#endif
