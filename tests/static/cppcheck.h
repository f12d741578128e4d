/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Macros of the kernel's that cppcheck cannot parse without being told; never compiled. */
#ifdef __KERNEL__
#define list_for_each_entry(pos, head, member) \
	for (pos = list_first(head); pos != (void *)(head); pos = list_next(pos))
#define list_for_each_entry_safe(pos, n, head, member) \
	for (pos = list_first(head), n = pos; pos != (void *)(head); pos = n, n = list_next(n))
#define list_for_each_entry_reverse(pos, head, member) \
	list_for_each_entry(pos, head, member)
#define list_for_each_entry_continue(pos, head, member) \
	for (pos = list_next(pos); pos != (void *)(head); pos = list_next(pos))
#define list_for_each_entry_continue_reverse(pos, head, member) \
	list_for_each_entry_continue(pos, head, member)
#define for_each_sg(sgl, sg, nr, i) \
	for (i = 0, sg = (sgl); i < (nr); i++, sg = sg_next(sg))
#define for_each_sgtable_dma_sg(sgt, sg, i) for_each_sg((sgt)->sgl, sg, (sgt)->nents, i)
#define xa_for_each(xa, index, entry) \
	for (index = 0, entry = xa_first(xa); entry; entry = xa_next(xa, &index))
#define for_each_pci_dev(dev) while ((dev = pci_next(dev)))
#define dma_resv_for_each_fence(cursor, resv, usage, fence) \
	for (fence = dma_resv_first(cursor); fence; fence = dma_resv_next(cursor))
#endif
