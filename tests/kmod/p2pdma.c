// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Linux itself decides about peer-to-peer DMA, on kernels that have it: debugfs
 * peerbuf_p2pdma/distance. Write PROVIDER-CLIENT, two PCI addresses with domain, and read the
 * distance, or -1.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>

static struct dentry *root;

static int tell(char *text)
{
	unsigned int d[2], b[2], s[2], f[2];
	struct pci_dev *provider, *client;
	struct device *clients[1];
	int ret = -ENODEV;

	if (sscanf(text, "%x:%x:%x.%x-%x:%x:%x.%x", &d[0], &b[0], &s[0], &f[0], &d[1], &b[1],
		   &s[1], &f[1]) != 8)
		return -EINVAL;
	provider = pci_get_domain_bus_and_slot(d[0], b[0], PCI_DEVFN(s[0], f[0]));
	client = pci_get_domain_bus_and_slot(d[1], b[1], PCI_DEVFN(s[1], f[1]));
	if (provider && client) {
		clients[0] = &client->dev;
		ret = sprintf(text, "%d\n", pci_p2pdma_distance_many(provider, clients, 1, false));
	}
	pci_dev_put(provider);
	pci_dev_put(client);
	return ret;
}

static ssize_t distance_write(struct file *file, const char __user *user, size_t size, loff_t *pos)
{
	char *text = simple_transaction_get(file, user, size);
	int ret;

	if (IS_ERR(text))
		return PTR_ERR(text);
	ret = tell(text);
	if (ret < 0)
		return ret;
	simple_transaction_set(file, ret);
	return size;
}

static const struct file_operations distance_fops = {
	.owner = THIS_MODULE,
	.write = distance_write,
	.read = simple_transaction_read,
	.release = simple_transaction_release,
};

static int __init p2pdma_init(void)
{
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA))
		return -ENODEV;
	root = debugfs_create_dir("peerbuf_p2pdma", NULL);
	debugfs_create_file("distance", 0600, root, NULL, &distance_fops);
	return 0;
}

static void __exit p2pdma_exit(void)
{
	debugfs_remove(root);
}

module_init(p2pdma_init);
module_exit(p2pdma_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What Linux decides about peer-to-peer DMA, for the tests of peerbuf");
MODULE_AUTHOR("The peerbuf developers");
