/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside peerbuf_ram. */
#ifndef _PEERBUF_RAM_H
#define _PEERBUF_RAM_H

#include <linux/types.h>

struct dma_buf_phys_list;
struct file;
struct folio;
struct user_struct;

/**
 * struct ram_pages - pages of a memfd, pinned
 * @folios: one entry for each pin; the same folio may have several
 * @nr_folios: entries of @folios
 * @list: the pages as physical ranges, in the order of the buffer
 * @writable: devices or processes may have written to them
 * @user: whose locked memory they count as; referenced
 * @nr_pages: how much that is
 */
struct ram_pages {
	struct folio **folios;
	size_t nr_folios;
	struct dma_buf_phys_list *list;
	bool writable;
	struct user_struct *user;
	unsigned long nr_pages;
};

/* ram_pages.c */
struct ram_pages *ram_pages_pin(struct file *memfd, u64 offset, u64 size,
				bool writable);
void ram_pages_unpin(struct ram_pages *pages);

#endif /* _PEERBUF_RAM_H */
