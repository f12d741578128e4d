// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions: their memory is their physical function's to give and to take.
 *
 * The kernel tells a driver of its own function's resets only, so a physical function that
 * is ours tells our virtual functions. With another driver on the physical function there
 * is its config space to be asked, when something else makes us ask.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include "pci.h"

/* Functions of SR-IOV devices that are bound to this driver. Innermost lock. */
static LIST_HEAD(functions);
static DEFINE_SPINLOCK(functions_lock);

/* The structure is one that references can be taken of, by now. */
void peerbuf_pci_function_add(struct peerbuf_vdev *pv)
{
	struct pci_dev *pdev = pv->core.pdev;

	if (!pdev->is_virtfn && !pdev->is_physfn)
		return;
	pci_dev_get(pdev);
	spin_lock(&functions_lock);
	list_add_tail(&pv->function, &functions);
	spin_unlock(&functions_lock);
}

/* The last reference is gone: who walks the list can stand on what it has referenced. */
void peerbuf_pci_function_del(struct peerbuf_vdev *pv)
{
	if (list_empty(&pv->function))
		return;
	spin_lock(&functions_lock);
	list_del(&pv->function);
	spin_unlock(&functions_lock);
	pci_dev_put(pv->core.pdev);
}

/* Is the physical function being reset, or broken? With another driver nobody knows. */
static bool in_trouble(struct pci_dev *physfn)
{
	struct peerbuf_vdev *pv;
	bool trouble = false;

	spin_lock(&functions_lock);
	list_for_each_entry(pv, &functions, function)
		if (pv->core.pdev == physfn)
			trouble |= peerbuf_provider_is_blocked(&pv->provider,
							       PEERBUF_CAUSE_RESET) ||
				   peerbuf_provider_is_blocked(&pv->provider,
							       PEERBUF_CAUSE_ERROR);
	spin_unlock(&functions_lock);
	return trouble;
}

/* Provider lock of the virtual function held. */
bool peerbuf_pci_physfn_lends(struct pci_dev *virtfn)
{
	struct pci_dev *physfn = pci_physfn(virtfn);
	u16 ctrl;
	int pos;

	if (in_trouble(physfn) || physfn->current_state != PCI_D0)
		return false;
	pos = pci_find_ext_capability(physfn, PCI_EXT_CAP_ID_SRIOV);
	if (!pos || pci_read_config_word(physfn, pos + PCI_SRIOV_CTRL, &ctrl) ||
	    PCI_POSSIBLE_ERROR(ctrl))
		return false;
	return (ctrl & PCI_SRIOV_CTRL_VFE) && (ctrl & PCI_SRIOV_CTRL_MSE);
}

/*
 * The next of a function's virtual functions after @last, or the first; referenced, so that
 * it keeps its place in the list.
 */
static struct peerbuf_vdev *next_virtfn(struct pci_dev *physfn, struct peerbuf_vdev *last)
{
	struct peerbuf_vdev *pv, *found = NULL;

	spin_lock(&functions_lock);
	pv = last ?: list_entry(&functions, struct peerbuf_vdev, function);
	list_for_each_entry_continue(pv, &functions, function) {
		if (pv->core.pdev->is_virtfn && pci_physfn(pv->core.pdev) == physfn &&
		    kobject_get_unless_zero(&pv->core.vdev.device.kobj)) {
			found = pv;
			break;
		}
	}
	spin_unlock(&functions_lock);
	if (last)
		put_device(&last->core.vdev.device);
	return found;
}

/* May wait for importers, as every revoke does. */
void peerbuf_pci_update_virtfns(struct pci_dev *physfn)
{
	struct peerbuf_vdev *pv = NULL;

	if (!physfn->is_physfn)
		return;
	while ((pv = next_virtfn(physfn, pv)))
		peerbuf_provider_update(&pv->provider);
}
