// SPDX-License-Identifier: GPL-2.0-only
/*
 * The direct device, and what a scatterlist filled for it says.
 *
 * An exporter that only knows scatterlists fills them for a struct device. To map such a
 * buffer in an IOMMU domain that the DMA API knows nothing of, the core attaches a device
 * of its own: a child of the importing device, so that an exporter that looks at the PCI
 * tree sees the right place in it, without an IOMMU and with a 64-bit mask, so that DMA
 * addresses are physical addresses. Below a PCI device it looks like that very function:
 * the kernel's own peer-to-peer code answers for PCI devices only. Nothing that comes back
 * is believed: it must be page aligned and lie in RAM or in a memory BAR, and nowhere else.
 * A table that pointed at interrupt controllers or at the IOMMU's registers would hand them
 * to user space.
 */
#include <linux/cc_platform.h>
#include <linux/device.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "internal.h"

/**
 * struct direct_device - see above
 * @pdev: the device, of which only @pdev.dev has a meaning where the parent is no PCI
 *	device; never registered, so nothing but attachments uses it
 * @parms: so that exporters need not cut memory into small segments
 */
struct direct_device {
	struct pci_dev pdev;
	struct device_dma_parameters parms;
};

static void direct_release(struct device *dev)
{
	kfree(container_of(dev, struct direct_device, pdev.dev));
}

/*
 * What decides about a function's place in the tree, and nothing that would let anybody
 * drive it: no driver, no resources, no state. The parent, of which there is a reference,
 * keeps the bus and the physical function.
 */
static void direct_identify(struct direct_device *d, struct device *parent)
{
	struct pci_dev *pdev = &d->pdev, *of;

	pdev->dev.bus = NULL;
	if (!dev_is_pci(parent))
		return;
	of = to_pci_dev(parent);
	pdev->bus = of->bus;
	pdev->devfn = of->devfn;
	pdev->vendor = of->vendor;
	pdev->device = of->device;
	pdev->class = of->class;
	pdev->hdr_type = of->hdr_type;
	pdev->multifunction = of->multifunction;
	pdev->cfg_size = of->cfg_size;
	pdev->pcie_cap = of->pcie_cap;
	pdev->pcie_flags_reg = of->pcie_flags_reg;
	pdev->acs_cap = of->acs_cap;
	pdev->error_state = pci_channel_io_normal;
	pdev->is_virtfn = of->is_virtfn;
#ifdef CONFIG_PCI_ATS
	pdev->physfn = of->is_virtfn ? of->physfn : NULL;
#endif
	pdev->dev.bus = &pci_bus_type;
}

struct device *peerbuf_direct_create(struct device *parent)
{
	struct direct_device *d;
	struct device *dev;
	int ret;

	/* Encrypted guests and swiotlb=force bounce all DMA: no address is the memory's. */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return ERR_PTR(-EOPNOTSUPP);

	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return ERR_PTR(-ENOMEM);
	dev = &d->pdev.dev;
	device_initialize(dev);
	dev->release = direct_release;
	dev->parent = get_device(parent);
	dev->dma_parms = &d->parms;
	dev->dma_mask = &dev->coherent_dma_mask;
	set_dev_node(dev, dev_to_node(parent));
	direct_identify(d, parent);
	ret = dev_set_name(dev, "%s:direct", dev_name(parent));
	if (!ret)
		ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (!ret && is_swiotlb_force_bounce(dev))
		ret = -EOPNOTSUPP;
	if (ret) {
		peerbuf_direct_destroy(dev);
		return ERR_PTR(ret);
	}
	dma_set_max_seg_size(dev, UINT_MAX);
	return dev;
}

void peerbuf_direct_destroy(struct device *dev)
{
	struct device *parent = dev->parent;

	/* device_add() never took over the parent's reference. */
	dev->parent = NULL;
	put_device(dev);
	put_device(parent);
}

/* The importing device is another one now: this is where exporters must see us. */
void peerbuf_direct_move(struct device *dev, struct device *parent)
{
	struct device *old = dev->parent;

	dev->parent = get_device(parent);
	set_dev_node(dev, dev_to_node(parent));
	direct_identify(container_of(dev, struct direct_device, pdev.dev), parent);
	/* For reports only: without memory it keeps the old name. */
	dev_set_name(dev, "%s:direct", dev_name(parent));
	put_device(old);
}

/*
 * An exporter may give addresses as they are on the bus, to a device below the same switch.
 * Where those are others than the processor's there is no telling which they are.
 */
static bool memory_covers(struct pci_dev *pdev, struct resource *res, u64 start, u64 last)
{
	struct pci_bus_region region;

	if (resource_type(res) != IORESOURCE_MEM || !resource_size(res) ||
	    start < res->start || last > res->end)
		return false;
	pcibios_resource_to_bus(pdev->bus, &region, res);
	return region.start == res->start;
}

/* Does some PCI device answer, with memory of its own, on the whole range? */
static bool in_memory_bar(u64 start, u64 last)
{
	struct pci_dev *pdev = NULL;
	int i;

	for_each_pci_dev(pdev) {
		/* BARs, the ROM, and the BARs of virtual functions; no bridge windows. */
		for (i = 0; i < PCI_BRIDGE_RESOURCES; i++) {
			if (memory_covers(pdev, &pdev->resource[i], start, last)) {
				pci_dev_put(pdev);
				return true;
			}
		}
	}
	return false;
}

static int run_kind(u64 start, u64 last, enum peerbuf_memory *kind)
{
	if (region_intersects(start, last - start + 1, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) == REGION_INTERSECTS) {
		*kind = PEERBUF_MEMORY_RAM;
		return 0;
	}
	if (in_memory_bar(start, last)) {
		*kind = PEERBUF_MEMORY_DEVICE;
		return 0;
	}
	return -EOPNOTSUPP;
}

/* Check a run, and that it is of the same kind as those before it. */
static int check_run(const struct phys_vec *run, bool first,
		     enum peerbuf_memory *kind)
{
	enum peerbuf_memory this;
	u64 last;
	int ret;

	if (!run->len || !PAGE_ALIGNED(run->paddr | run->len) ||
	    check_add_overflow((u64)run->paddr, (u64)run->len - 1, &last))
		return -EOPNOTSUPP;
	ret = run_kind(run->paddr, last, &this);
	if (ret)
		return ret;
	if (!first && this != *kind)
		return -EOPNOTSUPP;
	*kind = this;
	return 0;
}

/* Runs of contiguous memory in a table; only counted when @out is NULL. */
static size_t table_runs(struct device *dev, struct sg_table *sgt,
			 struct phys_vec *out)
{
	struct phys_vec run = {};
	struct scatterlist *sg;
	size_t n = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		phys_addr_t paddr = dma_to_phys(dev, sg_dma_address(sg));
		size_t len = sg_dma_len(sg);

		if (n && run.paddr + run.len == paddr && paddr) {
			run.len += len;
		} else {
			run = (struct phys_vec) { paddr, len };
			n++;
		}
		if (out)
			out[n - 1] = run;
	}
	return n;
}

struct dma_buf_phys_list *
peerbuf_direct_list(struct device *dev, struct sg_table *sgt, u64 size,
		    enum peerbuf_memory *kind)
{
	struct dma_buf_phys_list *list;
	struct phys_vec *run;
	size_t i, n = table_runs(dev, sgt, NULL);
	int ret = 0;

	run = kvcalloc(n, sizeof(*run), GFP_KERNEL | __GFP_NOWARN);
	if (!run)
		return ERR_PTR(n ? -ENOMEM : -EOPNOTSUPP);
	table_runs(dev, sgt, run);
	for (i = 0; i < n && !ret; i++) {
		ret = check_run(&run[i], !i, kind);
		cond_resched();
	}
	list = ret ? ERR_PTR(ret) : dma_buf_phys_list_create(run, n, size);
	kvfree(run);
	/* A table that is shorter or longer than the buffer is the exporter's fault. */
	if (list == ERR_PTR(-EINVAL) || list == ERR_PTR(-EOVERFLOW))
		list = ERR_PTR(-EOPNOTSUPP);
	return list;
}
