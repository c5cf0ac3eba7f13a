/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * uthash without its exit() when memory runs out: an element that could not be added has its "not_added" set, so each
 * struct kept in a hash table has such a member.
 */
#ifndef HF_LIB_HASH_H
#define HF_LIB_HASH_H

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->not_added = true)
#include <uthash.h>

#endif
