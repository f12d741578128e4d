// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that take a device's memory away or give it back, as blocks and unblocks
 * of the provider.
 *
 * reset_prepare and reset_done run for every reset of the function, with and
 * without VFIO's memory_lock held, so that lock is never taken here. The hardware
 * is asked when access could come back; VFIO's virtual config space alone can be
 * wrong (after a bus reset that nobody restored).
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "pci.h"

static struct peerbuf_vdev *provider_vdev(struct peerbuf_provider *p)
{
	return container_of(p, struct peerbuf_vdev, provider);
}

static struct peerbuf_vdev *pdev_vdev(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	return container_of(core, struct peerbuf_vdev, core);
}

/*
 * A reset or an error of a physical function is one of its virtual functions, too. Nothing
 * else of it is: their memory is decoded without its own, and VFIO does not let it sleep.
 */
static void set_error(struct peerbuf_vdev *pv, bool on)
{
	peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_ERROR, on);
	peerbuf_pci_update_virtfns(pv->core.pdev);
}

/* Do the BARs hold the addresses that the buffers were made of? */
static bool bars_in_place(struct pci_dev *pdev)
{
	int bar;
	u32 reg;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) ||
		    !pci_resource_len(pdev, bar))
			continue;
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &reg);
		if ((reg & PCI_BASE_ADDRESS_MEM_MASK) !=
		    lower_32_bits(pci_bus_address(pdev, bar)))
			return false;
		if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM_64)
			bar++;
	}
	return true;
}

/* Called only between open and close, so vconfig is there. */
static bool pci_decoding(struct peerbuf_provider *p)
{
	struct vfio_pci_core_device *core = &provider_vdev(p)->core;
	struct pci_dev *pdev = core->pdev;
	__le16 *virt = (__le16 *)&core->vconfig[PCI_COMMAND];
	u16 cmd;

	if (pdev->current_state != PCI_D0)
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	if (PCI_POSSIBLE_ERROR(cmd))
		return false;
	/* A virtual function has neither the bit nor BARs of its own. */
	if (pdev->is_virtfn)
		return peerbuf_pci_physfn_lends(pdev);
	if (pdev->no_command_memory)
		return true;
	return (le16_to_cpu(READ_ONCE(*virt)) & PCI_COMMAND_MEMORY) &&
	       (cmd & PCI_COMMAND_MEMORY) && bars_in_place(pdev);
}

const struct peerbuf_provider_ops peerbuf_pci_provider_ops = {
	.decoding = pci_decoding,
};

/* ----------------------------------------------------------- config writes */

/**
 * enum written - what we know of a byte that the user is about to write
 * @NOT_WRITTEN: the write does not cover it
 * @WRITTEN: this is its value, unless another thread changes it
 * @UNREADABLE: its page is not there; it may be when VFIO looks
 */
enum written {
	NOT_WRITTEN,
	WRITTEN,
	UNREADABLE,
};

static enum written written_byte(const char __user *buf, loff_t pos,
				 size_t count, unsigned int reg, u8 *val)
{
	if (pos > reg || reg - pos >= count)
		return NOT_WRITTEN;
	return get_user(*val, (const u8 __user *)buf + (reg - pos)) ?
	       UNREADABLE : WRITTEN;
}

/**
 * struct config_effect - what a write to config space may do to memory
 * @touches: it writes a register that memory depends on
 * @takes: it writes a value to it that takes memory away
 */
struct config_effect {
	bool touches;
	bool takes;
};

static struct config_effect config_effect(struct pci_dev *pdev,
					  const char __user *buf, loff_t pos,
					  size_t count)
{
	struct config_effect effect = {};
	enum written written;
	u8 val;

	/* The worst is assumed of what cannot be read. */
	written = written_byte(buf, pos, count, PCI_COMMAND, &val);
	if (written != NOT_WRITTEN) {
		effect.touches = true;
		effect.takes = written == UNREADABLE ||
			       !(val & PCI_COMMAND_MEMORY);
	}
	if (!pdev->pm_cap)
		return effect;
	written = written_byte(buf, pos, count, pdev->pm_cap + PCI_PM_CTRL,
			       &val);
	if (written != NOT_WRITTEN) {
		effect.touches = true;
		effect.takes |= written == UNREADABLE ||
				(val & PCI_PM_CTRL_STATE_MASK);
	}
	return effect;
}

ssize_t peerbuf_vdev_write(struct vfio_device *vdev, const char __user *buf,
			  size_t count, loff_t *ppos)
{
	struct peerbuf_vdev *pv = to_peerbuf_vdev(vdev);
	struct config_effect effect = {};
	ssize_t ret;

	if (VFIO_PCI_OFFSET_TO_INDEX(*ppos) == VFIO_PCI_CONFIG_REGION_INDEX)
		effect = config_effect(pv->core.pdev, buf,
				       *ppos & VFIO_PCI_OFFSET_MASK, count);

	if (effect.takes)
		peerbuf_provider_block(&pv->provider, PEERBUF_CAUSE_CONFIG);
	ret = vfio_pci_core_write(vdev, buf, count, ppos);
	if (effect.takes)
		peerbuf_provider_unblock(&pv->provider, PEERBUF_CAUSE_CONFIG);
	/*
	 * Memory may be back; or another thread changed the value after we looked, and
	 * access is taken away now.
	 */
	if (effect.touches && !effect.takes)
		peerbuf_provider_update(&pv->provider);
	return ret;
}
EXPORT_SYMBOL_GPL(peerbuf_vdev_write);

/* --------------------------------------------------------------- low power */

/* Until EXIT the device may sleep whenever it likes, so access ends at ENTRY. */
int peerbuf_pci_low_power(struct peerbuf_vdev *pv, u32 flags,
			  void __user *arg, size_t argsz)
{
	bool entry = (flags & VFIO_DEVICE_FEATURE_MASK) !=
		     VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;
	/* With PROBE it is only asked whether SET would be possible. */
	bool set = (flags & (VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_PROBE)) ==
		   VFIO_DEVICE_FEATURE_SET;
	int ret;

	/* Two calls at once must not leave the cause and the device at odds. */
	mutex_lock(&pv->power_lock);
	if (set && entry)
		peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_POWER, true);
	ret = vfio_pci_core_ioctl_feature(&pv->core.vdev, flags, arg, argsz);
	if (set && !ret)
		pv->low_power = entry;
	if (set)
		peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_POWER,
				     pv->low_power);
	mutex_unlock(&pv->power_lock);
	return ret;
}

static const struct dev_pm_ops *core_pm_ops;

static int pci_runtime_suspend(struct device *dev)
{
	return core_pm_ops->runtime_suspend(dev);
}

/*
 * A device that its user sent to sleep with a wakeup eventfd and that wakes up has left
 * low power without an EXIT; vfio-pci-core knows. Without one it will sleep again.
 */
static int pci_runtime_resume(struct device *dev)
{
	struct peerbuf_vdev *pv = pdev_vdev(to_pci_dev(dev));
	int ret = core_pm_ops->runtime_resume(dev);

	mutex_lock(&pv->power_lock);
	if (pv->low_power && !pv->core.pm_runtime_engaged) {
		pv->low_power = false;
		peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_POWER, false);
	}
	mutex_unlock(&pv->power_lock);
	return ret;
}

static const struct dev_pm_ops pci_pm_ops = {
	RUNTIME_PM_OPS(pci_runtime_suspend, pci_runtime_resume, NULL)
};

/*
 * Each registration of a device gives the driver vfio-pci-core's operations anew, which
 * are the same for all of them. Two registrations at once may find ours already.
 */
void peerbuf_pci_hook_pm(struct pci_dev *pdev)
{
	const struct dev_pm_ops *pm = READ_ONCE(pdev->dev.driver->pm);

	if (pm == &pci_pm_ops)
		return;
	WRITE_ONCE(core_pm_ops, pm);
	/* Who finds ours there finds core_pm_ops as well. */
	smp_store_release(&pdev->dev.driver->pm, &pci_pm_ops);
}

/* The next user starts without the last one's conditions. */
void peerbuf_pci_closed(struct peerbuf_vdev *pv)
{
	pv->low_power = false;
	peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_POWER, false);
	set_error(pv, false);
}

/* --------------------------------------------------------- resets and errors */

static void pci_reset_prepare(struct pci_dev *pdev)
{
	struct peerbuf_vdev *pv = pdev_vdev(pdev);

	peerbuf_provider_block(&pv->provider, PEERBUF_CAUSE_RESET);
	peerbuf_pci_update_virtfns(pdev);
}

static void pci_reset_done(struct pci_dev *pdev)
{
	struct peerbuf_vdev *pv = pdev_vdev(pdev);

	/*
	 * A reset device has no error left; whether it answers is asked next. But
	 * while the bus recovers from a fatal error it will be reset once more,
	 * without a word to us until it is resumed.
	 */
	if (!pci_channel_offline(pdev))
		peerbuf_provider_set(&pv->provider, PEERBUF_CAUSE_ERROR, false);
	peerbuf_provider_unblock(&pv->provider, PEERBUF_CAUSE_RESET);
	peerbuf_pci_update_virtfns(pdev);
}

static pci_ers_result_t pci_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	set_error(pdev_vdev(pdev), true);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static void pci_resume(struct pci_dev *pdev)
{
	set_error(pdev_vdev(pdev), false);
}

const struct pci_error_handlers peerbuf_vdev_err_handlers = {
	.error_detected = pci_error_detected,
	.resume = pci_resume,
	.reset_prepare = pci_reset_prepare,
	.reset_done = pci_reset_done,
};
EXPORT_SYMBOL_GPL(peerbuf_vdev_err_handlers);
