// SPDX-License-Identifier: GPL-2.0-only
/*
 * peerbuf_odd: a PCI function that is as none of QEMU's is.
 *
 * With "af" it has, for everybody in the kernel, the capability of conventional PCI that asks
 * for a function-level reset; such a reset takes its BARs and its memory bit, as it must. With
 * "taken" the memory of a BAR belongs to somebody else. "frozen" is what a fatal error is to
 * its driver, for as long as one likes; on the bus there is none.
 */
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pci.h>

/* Where no device that is used for this has a capability, and how long this one is. */
#define AF_AT	0xf0
#define AF_END	(AF_AT + PCI_CAP_AF_SIZEOF)

static char *bdf;
module_param(bdf, charp, 0444);
MODULE_PARM_DESC(bdf, "The function, such as 0000:01:00.0");

static bool af;
module_param(af, bool, 0444);
MODULE_PARM_DESC(af, "It has the Advanced Features capability (N)");

static int taken = -1;
module_param(taken, int, 0444);
MODULE_PARM_DESC(taken, "The BAR that is claimed by this module (none)");

static unsigned int resets;
module_param(resets, uint, 0444);
MODULE_PARM_DESC(resets, "How often it was reset by that capability; read only");

static struct pci_dev *function;
static struct pci_ops *real;

static bool frozen;

/* As drivers/pci/pcie/err.c does it, which has other devices to tell in between. */
static int set_frozen(const char *text, const struct kernel_param *param)
{
	const struct pci_error_handlers *handlers;
	int ret = param_set_bool(text, param);

	if (ret || !function)
		return ret ?: -ENODEV;
	device_lock(&function->dev);
	handlers = function->driver ? function->driver->err_handler : NULL;
	function->error_state = frozen ? pci_channel_io_frozen : pci_channel_io_normal;
	if (handlers && frozen)
		handlers->error_detected(function, pci_channel_io_frozen);
	else if (handlers && handlers->resume)
		handlers->resume(function);
	device_unlock(&function->dev);
	return 0;
}

static const struct kernel_param_ops frozen_ops = {
	.set = set_frozen,
	.get = param_get_bool,
};

module_param_cb(frozen, &frozen_ops, &frozen, 0644);
MODULE_PARM_DESC(frozen, "Its driver has been told of a fatal error (N)");

/* The byte that the function would have if it had the capability. */
static u8 odd_byte(int where, u8 byte, u8 first_cap)
{
	switch (where) {
	case PCI_STATUS:
		return byte | PCI_STATUS_CAP_LIST;
	case PCI_CAPABILITY_LIST:
		return AF_AT;
	case AF_AT:
		return PCI_CAP_ID_AF;
	case AF_AT + PCI_CAP_LIST_NEXT:
		return first_cap;
	case AF_AT + PCI_AF_LENGTH:
		return PCI_CAP_AF_SIZEOF;
	case AF_AT + PCI_AF_CAP:
		return PCI_AF_CAP_TP | PCI_AF_CAP_FLR;
	case AF_AT + PCI_AF_CTRL:
	case AF_AT + PCI_AF_STATUS:
		return 0;
	default:
		return byte;
	}
}

static int odd_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	int ret = real->read(bus, devfn, where, size, val);
	u32 first_cap;
	int i;

	if (ret || devfn != function->devfn)
		return ret;
	ret = real->read(bus, devfn, PCI_CAPABILITY_LIST, 1, &first_cap);
	if (ret)
		return ret;
	for (i = 0; i < size; i++) {
		u32 shift = 8 * i;

		*val = (*val & ~(0xffu << shift)) |
		       (u32)odd_byte(where + i, *val >> shift, first_cap) << shift;
	}
	return 0;
}

static int odd_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	int control = AF_AT + PCI_AF_CTRL, bar;

	if (devfn != function->devfn || where >= AF_END || where + size <= AF_AT)
		return real->write(bus, devfn, where, size, val);
	if (control < where || control >= where + size ||
	    !(val >> (8 * (control - where)) & PCI_AF_CTRL_FLR))
		return 0;
	resets++;
	real->write(bus, devfn, PCI_COMMAND, 2, 0);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		real->write(bus, devfn, PCI_BASE_ADDRESS_0 + 4 * bar, 4, 0);
	return 0;
}

static struct pci_ops odd_ops = {
	.read = odd_read,
	.write = odd_write,
};

static int __init odd_init(void)
{
	unsigned int domain, bus, slot, func;

	if (!bdf || sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &slot, &func) != 4)
		return -EINVAL;
	function = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, func));
	if (!function)
		return -ENODEV;
	if (taken >= 0 && (taken >= PCI_STD_NUM_BARS ||
			   !request_mem_region(pci_resource_start(function, taken),
					       pci_resource_len(function, taken),
					       "peerbuf_odd"))) {
		pci_dev_put(function);
		return -EBUSY;
	}
	if (af) {
		/* Its operations are asked for those that were there, from now on. */
		real = function->bus->ops;
		pci_bus_set_ops(function->bus, &odd_ops);
	}
	return 0;
}
module_init(odd_init);

static void __exit odd_exit(void)
{
	if (af)
		pci_bus_set_ops(function->bus, real);
	if (taken >= 0)
		release_mem_region(pci_resource_start(function, taken),
				   pci_resource_len(function, taken));
	pci_dev_put(function);
}
module_exit(odd_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A PCI function with oddities, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
