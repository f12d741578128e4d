/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU: the buffer, or a part of it, at an IOVA of one iommu_domain.
 *
 * The core alone maps and unmaps. When the buffer is revoked it takes the mapping
 * down before it tells the importer, and when the buffer is restored it puts the
 * same memory back at the same IOVA. The importer only keeps the IOVA range free
 * of anything else for the life of the mapping.
 *
 * Since 0.1.
 */
#ifndef _LINUX_PEERBUF_IOMMU_H
#define _LINUX_PEERBUF_IOMMU_H

#include <linux/peerbuf/match.h>

struct iommu_domain;

/**
 * DMA_BUF_IMAPPING_IOMMU - importer entry of the IOMMU type
 * @dev_: a device attached to the domain, from which the route is judged; it must stay
 *	until the detach
 * @strict_: refuse (-EINVAL from the attach, -EOPNOTSUPP from the map) when the route is
 *	not known to work
 */
#define DMA_BUF_IMAPPING_IOMMU(dev_, strict_)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_iommu_type,			\
		.iommu_data = {						\
			.importing_device = (dev_),			\
			.strict = (strict_),				\
		},							\
	})

/**
 * struct dma_buf_iommu_mapping - where an attachment is to appear
 * @domain: an unmanaged domain that the importer owns
 * @iova: first address, page aligned
 * @offset: first byte of the buffer
 * @length: bytes
 * @prot: IOMMU_READ and/or IOMMU_WRITE; the core adds IOMMU_MMIO for
 *	device memory and IOMMU_CACHE for RAM
 */
struct dma_buf_iommu_mapping {
	struct iommu_domain *domain;
	u64 iova;
	u64 offset;
	u64 length;
	int prot;
};

/**
 * struct dma_buf_iommu_status - what an attachment of the IOMMU type is doing
 * @mapped: the IOMMU translates to the buffer now
 * @nr_ranges: physically contiguous pieces behind the mapping
 * @page_sizes: bitmap of the page sizes that the mapping uses when mapped
 * @error: 0, or the errno with which the last restore failed
 */
struct dma_buf_iommu_status {
	bool mapped;
	u32 nr_ranges;
	u64 page_sizes;
	int error;
};

/**
 * dma_buf_iommu_map - map, and keep mapped whenever the buffer is LIVE
 * @attach: negotiated to IOMMU, without a mapping
 * @map: where; copied
 *
 * Context: reservation lock held; may sleep.
 * Return: 0; -ENODEV while the buffer is not LIVE; -EINVAL for an attachment of
 * another type, an unaligned or empty part or one beyond the buffer; -EACCES for
 * IOMMU_WRITE and a buffer that was made read-only; -EBUSY when
 * the attachment has a mapping; -ENOMEM, or what iommu_map() returned. After an
 * error nothing is mapped.
 */
int dma_buf_iommu_map(struct dma_buf_attachment *attach,
		      const struct dma_buf_iommu_mapping *map);

/**
 * dma_buf_iommu_map_deferred - as dma_buf_iommu_map(), also while revoked
 * @attach: negotiated to IOMMU, without a mapping
 * @map: where; copied
 *
 * For a domain that joins an address space which has the mapping already: when the
 * buffer is revoked the mapping is noted and appears at the next restore.
 *
 * Context: reservation lock held; may sleep.
 * Return: as dma_buf_iommu_map(), except that only a DEAD buffer gives -ENODEV.
 */
int dma_buf_iommu_map_deferred(struct dma_buf_attachment *attach,
			       const struct dma_buf_iommu_mapping *map);

/**
 * dma_buf_iommu_unmap - end the mapping
 * @attach: as in dma_buf_iommu_map(); one without a mapping is left alone
 *
 * When it returns no translation is left, in caches either.
 *
 * Context: reservation lock held.
 */
void dma_buf_iommu_unmap(struct dma_buf_attachment *attach);

/**
 * dma_buf_iommu_get_status - see struct dma_buf_iommu_status
 * @attach: negotiated to IOMMU
 * @status: filled in
 *
 * Context: reservation lock held.
 */
void dma_buf_iommu_get_status(struct dma_buf_attachment *attach,
			      struct dma_buf_iommu_status *status);

/**
 * dma_buf_iommu_route_known - would strict mode accept this device?
 * @attach: negotiated to IOMMU
 * @dev: a device that is or is to be attached to the domain
 *
 * An attachment judges the one device that it was made for. An importer whose domain
 * has several asks for each of them.
 *
 * Return: false if the route to the exporter's memory is not known to work; true if
 * it is, or if the exporter does not say whose memory it is.
 */
bool dma_buf_iommu_route_known(struct dma_buf_attachment *attach,
			       struct device *dev);

/**
 * dma_buf_iommu_set_device - another device stands for the domain from now on
 * @attach: negotiated to IOMMU
 * @dev: attached to the same domain; must stay until the detach
 *
 * For an importer whose device leaves a domain that lives on with others. What is
 * mapped stays mapped; the route is told from the new device. Strict mode is not
 * judged again.
 *
 * Context: reservation lock held.
 */
void dma_buf_iommu_set_device(struct dma_buf_attachment *attach,
			      struct device *dev);

/**
 * peerbuf_iommu_map - iommu_map() that leaves nothing behind when it fails
 * @domain: the domain
 * @iova: first address
 * @paddr: first physical address
 * @length: bytes; all three as iommu_map() wants them
 * @prot: IOMMU_READ and so on
 *
 * Context: may sleep and reclaim memory.
 * Return: what iommu_map() returned.
 */
int peerbuf_iommu_map(struct iommu_domain *domain, u64 iova, phys_addr_t paddr,
		      u64 length, int prot);

#endif /* _LINUX_PEERBUF_IOMMU_H */
