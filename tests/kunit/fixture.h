/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the suites of the core share: the machine's devices, buffers that say whatever they
 * are told to, and importers that remember what they heard.
 */
#ifndef PEERBUF_TESTS_KUNIT_FIXTURE_H
#define PEERBUF_TESTS_KUNIT_FIXTURE_H

#include <linux/dma-buf.h>
#include <linux/pci.h>

#include <linux/peerbuf/buffer.h>
#include <linux/peerbuf/iommu.h>
#include <linux/peerbuf/iov.h>
#include <linux/peerbuf/pal.h>
#include <linux/peerbuf/sgt.h>
#include <peerbuf_compat.h>

#include "unit.h"

/*
 * The devices, from the module's parameters: whose BAR 2 is exported; one below the same
 * switch; one that only the root complex leads to; and one that is on no bus at all.
 */
extern struct pci_dev *provider_pdev, *neighbour, *stranger;
extern struct device *elsewhere;

int devices_get(struct kunit_suite *suite);
void devices_put(struct kunit_suite *suite);

/* Of @provider_pdev's BAR 2. */
u64 bar_start(void);

#define MAX_OFFERS	4

/**
 * struct made - a buffer of the tests' own
 * @dmabuf: the buffer; made_put() drops the reference
 * @offer: what it offers, if @nr is not 0: by match_mapping
 * @nr: entries of @offer
 * @single: what it offers otherwise
 * @match_error: what match_mapping returns instead of looking
 * @list: what its PAL entry has, referenced
 * @map_error: what map_phys returns instead, if it is not 0
 * @late: so many tables are asked for in vain, -ENODEV, before there is one; reservation lock,
 *	where somebody else may ask
 * @asked: so many tables were asked for; likewise
 * @vec: what its tables have
 * @nr_vec: entries of @vec
 * @maps: mappings of the exporter that are held now
 * @dir: what a foreign exporter was last asked to fill a table for
 * @dev: the device that it saw
 * @released: release was called
 */
struct made {
	struct dma_buf *dmabuf;
	struct dma_buf_mapping_match offer[MAX_OFFERS];
	size_t nr;
	struct dma_buf_mapping_match single;
	int match_error;
	struct dma_buf_phys_list *list;
	int map_error;
	unsigned int late, asked;
	const struct phys_vec *vec;
	size_t nr_vec;
	int maps;
	enum dma_data_direction dir;
	struct device *dev;
	bool released;
};

extern const struct dma_buf_mapping_pal_exp_ops made_pal_ops;
extern const struct dma_buf_mapping_sgt_exp_ops made_sgt_ops;

/* A list of ranges, which has to be good. */
struct dma_buf_phys_list *list_of(const struct phys_vec *vec, size_t nr);

/*
 * Export @m, of which the caller has filled in the offers and @list or @vec; the size is that
 * of the list. @p may be NULL.
 */
int made_export(struct made *m, struct peerbuf_provider *p, u64 size, int flags);

/* The same ranges, from an exporter that knows nothing of peerbuf. */
int made_export_foreign(struct made *m, u64 size, bool dynamic);

/* Drops the reference, and the list's, and waits until a last one is really gone. */
void made_put(struct made *m);

/* A buffer of device memory with one PAL entry, in one call. */
int made_pal(struct made *m, struct peerbuf_provider *p, const struct phys_vec *vec, size_t nr);

/**
 * struct heard - an importer, and what it was told
 * @attach: its attachment
 * @invalidated: calls so far, and so on
 * @state: of the buffer at the last call
 * @error: of the last restore
 * @sgt: a table that it holds; given back when it is told to, unless it is @slow
 * @raw: a list that it holds; likewise
 * @slow: keeps what it has
 * @count: raised while it has something, if it is not NULL
 * @domain: where it has a mapping at @iova, which must be gone when it hears of a revoke
 * @still_mapped: it was not
 */
struct heard {
	struct dma_buf_attachment *attach;
	unsigned int invalidated, restored, dead;
	enum peerbuf_buffer_state state;
	int error;
	struct sg_table *sgt;
	struct dma_buf_phys_list *raw;
	bool slow;
	atomic_t *count;
	struct iommu_domain *domain;
	u64 iova;
	bool still_mapped;
};

extern const struct dma_buf_mapping_importer_ops heard_ops;
extern const struct dma_buf_attach_ops heard_stock_ops, heard_stock_no_p2p_ops;

/* Attach with one entry; 0 or its errno. */
int heard_attach(struct heard *h, struct made *m, struct dma_buf_mapping_match match);
void heard_detach(struct heard *h);

/* With the lock that they need. */
int heard_map(struct heard *h, enum dma_data_direction dir);
void heard_unmap(struct heard *h);
int heard_iommu_map(struct heard *h, const struct dma_buf_iommu_mapping *map);
void heard_iommu_unmap(struct heard *h);
struct dma_buf_iommu_status heard_status(struct heard *h);

/* A provider whose device does what it is told. */
struct told_provider {
	struct peerbuf_provider p;
	bool decoding;
};

void told_provider_init(struct told_provider *t);

/* Every page of the list is where it belongs in @domain, from @iova on, and nothing beside it. */
void expect_translated(struct kunit *test, struct iommu_domain *domain, u64 iova,
		       const struct phys_vec *vec, size_t nr, u64 offset, u64 length);
void expect_nothing(struct kunit *test, struct iommu_domain *domain, u64 iova, u64 length);

#endif
