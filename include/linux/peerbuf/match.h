/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping types and negotiation.
 *
 * A mapping type is one way of handing over the addresses of a buffer. The
 * exporter lists what it can offer, the importer lists what it can use, and
 * dma_buf_match_mapping() finds the pair. Names and rules are those of the
 * "dma-buf mapping types" series (February 2026); docs/design/rfc-differences.md
 * lists what differs for a module that cannot extend the kernel's structures.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_MATCH_H
#define _LINUX_PEERBUF_MATCH_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif

struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_mapping_match;
struct pci_dev;
struct seq_file;

/**
 * struct dma_buf_mapping_exp_ops - tag of an exporter's operations for one type
 *
 * Empty. Each type embeds it as the member "ops" of its own structure, from which
 * container_of() recovers the functions.
 */
struct dma_buf_mapping_exp_ops {
};

/**
 * struct dma_buf_match_args - one negotiation
 * @dmabuf: the buffer
 * @attach: the attachment that is being made; NULL while a foreign buffer is
 *	matched, whose attachment depends on the outcome
 * @imp_matches: what the importer accepts, in its order of preference
 * @imp_len: number of entries of @imp_matches
 * @result: written by the finish_match of the type that won
 */
struct dma_buf_match_args {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct dma_buf_mapping_match *imp_matches;
	size_t imp_len;
	struct dma_buf_mapping_match *result;
};

/**
 * struct dma_buf_mapping_type - one way of handing over addresses
 * @name: for debugfs and tracepoints
 * @match: do the two entries, both of this type, go together? 0 if they do,
 *	-EOPNOTSUPP to go on searching, any other errno to stop with it. NULL: they
 *	always do. Called without the reservation lock; what an entry points to is
 *	kept alive by whoever supplied the entry.
 * @finish_match: writes the negotiated entry to args->result; NULL: the exporter's
 *	entry is the result
 * @debugfs_dump: describes a mapping of this type; reservation lock held
 *
 * A singleton: types are compared by pointer.
 */
struct dma_buf_mapping_type {
	const char *name;
	int (*match)(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp);
	void (*finish_match)(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp);
	void (*debugfs_dump)(struct seq_file *s,
			     struct dma_buf_attachment *attach);
};

/* The types that the core knows: <linux/peerbuf/sgt.h>, iommu.h, pal.h and iov.h. */
extern const struct dma_buf_mapping_type dma_buf_mapping_sgt_type;
extern const struct dma_buf_mapping_type dma_buf_mapping_iommu_type;
extern const struct dma_buf_mapping_type dma_buf_mapping_pal_type;
extern const struct dma_buf_mapping_type dma_buf_mapping_iov_type;

/**
 * enum dma_sgt_requires_p2p - peer-to-peer in a scatterlist entry
 * @DMA_SGT_NO_P2P: neither side says anything about device memory
 * @DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE: exporter: the memory is a device's, the
 *	importer must accept that and a route must exist
 * @DMA_SGT_IMPORTER_ACCEPTS_P2P: importer: can cope with tables that carry DMA
 *	addresses but no pages
 */
enum dma_sgt_requires_p2p {
	DMA_SGT_NO_P2P = 0,
	DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE,
	DMA_SGT_IMPORTER_ACCEPTS_P2P,
};

/**
 * struct dma_buf_mapping_match - one entry of an offer, of a request, or the result
 * @type: the mapping type
 * @exp_ops: the exporter's operations; NULL in an importer's entry
 * @origin: the type that the exporter really offered when the core converts it to
 *	@type; NULL when nothing is converted. Set by the core only.
 * @sgt_data: for the SGT type. exporting_p2p_device: whose memory it is;
 *	importing_dma_device: who does the DMA
 * @iommu_data: for the IOMMU type. importing_device: a device of the domain, from
 *	which the route is judged; strict: refuse a route that is not known to work
 * @pal_data: for the PAL type. exporting_p2p_device: whose memory it is, NULL for RAM; owner:
 *	the importing module, compared with the allow-list
 * @iov_data: for the IOV type. exporting_function: the virtual function; importing_function:
 *	its physical function; bar: where in the former the memory is
 * @private_data: for a driver's own types
 */
struct dma_buf_mapping_match {
	const struct dma_buf_mapping_type *type;
	const struct dma_buf_mapping_exp_ops *exp_ops;
	const struct dma_buf_mapping_type *origin;
	union {
		struct {
			struct pci_dev *exporting_p2p_device;
			struct device *importing_dma_device;
			enum dma_sgt_requires_p2p requires_p2p;
		} sgt_data;
		struct {
			struct pci_dev *exporting_p2p_device;
			struct device *importing_device;
			bool strict;
		} iommu_data;
		struct {
			struct pci_dev *exporting_p2p_device;
			const char *owner;
		} pal_data;
		struct {
			struct pci_dev *exporting_function;
			struct pci_dev *importing_function;
			unsigned int bar;
		} iov_data;
		const void *private_data;
	};
};

/**
 * dma_buf_match_mapping - find the type that exporter and importer share
 * @args: the negotiation; args->result receives the outcome
 * @exp: what the exporter offers, in its order of preference
 * @exp_len: number of entries of @exp
 *
 * Each exporter's entry stands for itself and for what the core converts it to;
 * peerbuf_match_lists() then decides.
 *
 * Context: process, may sleep; no reservation lock held.
 * Return: as peerbuf_match_lists(), or -ENOMEM.
 */
int dma_buf_match_mapping(struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp,
			  size_t exp_len);

/**
 * peerbuf_match_lists - the rule of negotiation, without conversions
 * @args: the negotiation; args->result receives the outcome
 * @exp: what is offered, in order of preference
 * @exp_len: number of entries of @exp
 *
 * The exporter's order decides; within one exporter entry, the importer's. The
 * first pair of the same type whose match agrees wins. Pure logic; also compiled
 * in user space.
 *
 * Return: 0, -EINVAL when a list is empty or nothing matches, or the errno other
 * than -EOPNOTSUPP that a match function returned.
 */
int peerbuf_match_lists(struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			size_t exp_len);

#endif /* _LINUX_PEERBUF_MATCH_H */
