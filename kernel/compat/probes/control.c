// SPDX-License-Identifier: GPL-2.0-only
/* Must compile everywhere: the headers that the other probes include. */
#include <linux/dma-buf.h>
#include <linux/module.h>
#include <linux/vfio_pci_core.h>

MODULE_LICENSE("GPL");
