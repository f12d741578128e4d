// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space that pretends: functions that have an ACS capability although their emulation has
 * none, as the ports of QEMU's switches, and root buses whose first function is another one. All
 * who ask about routes, the kernel itself included, see the same. debugfs peerbuf_config/pretend
 * takes "0000:01:00.0 acs" or "0000:00:00.0 8086:2030"; unloading ends it.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>

#define MAX_PRETENDED	128
#define ACS_AT		0xf00	/* where nothing of QEMU's has a capability */
#define ACS_SUPPORTS	0x7f

struct pretended {
	struct pci_dev *pdev;
	struct pci_bus *bus;
	unsigned int devfn;
	u32 id;			/* device << 16 | vendor; 0: its own */
	u32 own_id;
	int last_at;		/* the header that leads to the pretended capability; 0: none */
	u16 control;
};

static struct pretended all[MAX_PRETENDED];
static unsigned int nr_pretended;
static DEFINE_MUTEX(lock);
static struct pci_ops *real_ops;
static struct dentry *root;

static struct pretended *find(struct pci_bus *bus, unsigned int devfn)
{
	/* Pairs with the release in begin(): who sees the number sees the entries. */
	unsigned int i, nr = smp_load_acquire(&nr_pretended);

	for (i = 0; i < nr; i++)
		if (all[i].bus == bus && all[i].devfn == devfn)
			return &all[i];
	return NULL;
}

/* The word at @where, which is aligned, instead of the @real one. */
static u32 pretend_word(const struct pretended *p, int where, u32 real)
{
	u32 id = READ_ONCE(p->id);

	if (id && where == PCI_VENDOR_ID)
		return id;
	if (!p->last_at)
		return real;
	if (where == p->last_at)
		return (PCI_POSSIBLE_ERROR(real) ? 0 : real & 0xfffff) | (u32)ACS_AT << 20;
	if (where == ACS_AT)
		return PCI_EXT_CAP_ID_ACS | 1 << 16;
	if (where == ACS_AT + PCI_ACS_CAP)
		return ACS_SUPPORTS | (u32)READ_ONCE(p->control) << 16;
	return real;
}

static int pretend_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct pretended *p = find(bus, devfn);
	u32 real = 0;
	int ret;

	if (!p)
		return real_ops->read(bus, devfn, where, size, val);
	ret = real_ops->read(bus, devfn, where & ~3, 4, &real);
	if (ret)
		return ret;
	*val = pretend_word(p, where & ~3, real) >> 8 * (where & 3);
	if (size < 4)
		*val &= (1 << 8 * size) - 1;
	return PCIBIOS_SUCCESSFUL;
}

static int pretend_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct pretended *p = find(bus, devfn);

	if (!p || !p->last_at || where < ACS_AT || where >= ACS_AT + 8)
		return real_ops->write(bus, devfn, where, size, val);
	if (where == ACS_AT + PCI_ACS_CTRL)
		WRITE_ONCE(p->control, val & ACS_SUPPORTS);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops pretend_ops = {
	.read = pretend_read,
	.write = pretend_write,
};

/* The extended capability that no other one follows. */
static int last_capability(struct pci_dev *pdev)
{
	int at = PCI_CFG_SPACE_SIZE, limit;
	u32 header;

	for (limit = 480; limit; limit--) {
		if (pci_read_config_dword(pdev, at, &header))
			return -EIO;
		if (!header || PCI_POSSIBLE_ERROR(header) || !PCI_EXT_CAP_NEXT(header))
			return at;
		at = PCI_EXT_CAP_NEXT(header);
	}
	return -EIO;
}

static int begin(struct pci_dev *pdev, u32 id)
{
	struct pretended *p = find(pdev->bus, pdev->devfn);
	bool is_new = !p;
	int last = 0;

	if (!id) {
		if (pdev->acs_cap)
			return -EEXIST;
		if (pdev->cfg_size < PCI_CFG_SPACE_EXP_SIZE)
			return -EOPNOTSUPP;
		last = last_capability(pdev);
		if (last < 0)
			return last;
	}
	if (is_new) {
		if (nr_pretended == MAX_PRETENDED)
			return -ENOSPC;
		p = &all[nr_pretended];
		*p = (struct pretended) {
			.pdev = pci_dev_get(pdev),
			.bus = pdev->bus,
			.devfn = pdev->devfn,
			.own_id = (u32)pdev->device << 16 | pdev->vendor,
		};
	}
	if (id) {
		WRITE_ONCE(p->id, id);
		pdev->vendor = id & 0xffff;
		pdev->device = id >> 16;
	} else {
		WRITE_ONCE(p->last_at, last);
		pdev->acs_cap = ACS_AT;
	}
	if (is_new) {
		/* Pairs with the acquire in find(). */
		smp_store_release(&nr_pretended, nr_pretended + 1);
	}
	if (pdev->bus->ops != &pretend_ops) {
		if (real_ops && real_ops != pdev->bus->ops)
			return -EXDEV;
		real_ops = pdev->bus->ops;
		pci_bus_set_ops(pdev->bus, &pretend_ops);
	}
	return 0;
}

static ssize_t pretend_ask(struct file *file, const char __user *user, size_t size, loff_t *pos)
{
	unsigned int domain, bus, slot, function, vendor, device;
	struct pci_dev *pdev;
	char text[64], what[16];
	u32 id = 0;
	int ret;

	if (size >= sizeof(text) || copy_from_user(text, user, size))
		return -EINVAL;
	text[size] = '\0';
	if (sscanf(text, "%x:%x:%x.%x %15s", &domain, &bus, &slot, &function, what) != 5)
		return -EINVAL;
	if (strcmp(what, "acs")) {
		if (sscanf(what, "%4x:%4x", &vendor, &device) != 2)
			return -EINVAL;
		id = device << 16 | vendor;
	}
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	if (!pdev)
		return -ENODEV;
	mutex_lock(&lock);
	ret = begin(pdev, id);
	mutex_unlock(&lock);
	pci_dev_put(pdev);
	return ret ?: size;
}

static const struct file_operations pretend_fops = {
	.owner = THIS_MODULE,
	.write = pretend_ask,
};

static int __init config_init(void)
{
	root = debugfs_create_dir("peerbuf_config", NULL);
	debugfs_create_file("pretend", 0200, root, NULL, &pretend_fops);
	return 0;
}

static void __exit config_exit(void)
{
	unsigned int i;

	debugfs_remove(root);
	for (i = 0; i < nr_pretended; i++) {
		struct pretended *p = &all[i];

		if (p->bus->ops == &pretend_ops)
			pci_bus_set_ops(p->bus, real_ops);
		p->pdev->vendor = p->own_id & 0xffff;
		p->pdev->device = p->own_id >> 16;
		if (p->last_at)
			p->pdev->acs_cap = 0;
	}
	/* Who still reads does so with interrupts off. */
	synchronize_rcu();
	for (i = 0; i < nr_pretended; i++)
		pci_dev_put(all[i].pdev);
}

module_init(config_init);
module_exit(config_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Config space that pretends, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
