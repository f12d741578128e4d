#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stock drivers and buffers of peerbuf, each with each: tests/abi/interop.c. The tables that
# it prints must be those of docs/interop.md; scripts/interop writes them there.
#
# vm-topology: interop
# vm-memory: 768M
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-modules: vfio-pci peerbuf_core peerbuf_ram vfio_pci_peerbuf vfio_iommu_peerbuf peerbuf_test
# vm-modules-available: drm_kms_helper vgem virtio-gpu vivid dummy_hcd libcomposite usb_f_fs ib_uverbs peerbuf_umem
# vm-kernel-config: CONFIG_DRM_VIRTIO_GPU CONFIG_VIDEO_VIVID CONFIG_USB_DUMMY_HCD CONFIG_USB_CONFIGFS_F_FS CONFIG_INFINIBAND_USER_ACCESS
# vm-needs: vm/kernel.sh build/tests/abi/interop docs/interop.md
set -u
. vm/tap.sh
. vm/kernel.sh
# No console on the graphics device: its driver draws while the machine goes down, and warns.
modprobe drm_kms_helper fbdev_emulation=0 2>/dev/null
for module in vgem virtio-gpu ib_uverbs peerbuf_umem dummy_hcd libcomposite usb_f_fs; do
	modprobe $module 2>/dev/null || skip_all "this kernel has no $module"
done
# Two capture devices: vb2 with vmalloc, and with dma-contig.
modprobe vivid n_devs=2 node_types=0x1,0x1 allocators=0,1 || skip_all "this kernel has no vivid"

# A USB gadget with one function in user space, of one endpoint.
gadget() {
	g=/sys/kernel/config/usb_gadget/g
	mount -t configfs configfs /sys/kernel/config
	mkdir -p $g/strings/0x409 $g/configs/c.1 $g/functions/ffs.test /tmp/ffs || return 1
	ln -s $g/functions/ffs.test $g/configs/c.1
	mount -t functionfs test /tmp/ffs || return 1
	exec 7<>/tmp/ffs/ep0
	# Descriptors (version 2, high speed): an interface with one bulk endpoint. No strings.
	printf '\003\000\000\000\040\000\000\000\002\000\000\000\002\000\000\000\011\004\000\000\001\377\000\000\000\007\005\201\002\000\002\000' >&7
	printf '\002\000\000\000\020\000\000\000\000\000\000\000\000\000\000\000' >&7
	ls /sys/class/udc >$g/UDC
}
gadget || bail "no USB gadget"
FUNCTIONFS_EP=/tmp/ffs/ep1
INTEROP=/tmp/tables
export FUNCTIONFS_EP INTEROP

echo 16 >/proc/sys/vm/nr_hugepages
peerbuf device bind "$SSD_BDF" vfio-pci >&2 || bail "the device cannot be bound"
peerbuf device bind "$BAR_BDF" vfio_pci_peerbuf >&2 || bail "the device cannot be bound"
build/tests/abi/interop
status=$?
sed 's/^/# table: /' $INTEROP
sed -n '/^<!-- begin/,/^<!-- end/p' docs/interop.md | sed '1d;$d' >/tmp/documented
# Other kernels' drivers are others.
if is_612 && ! diff /tmp/documented $INTEROP >/tmp/diff; then
	diag "docs/interop.md says otherwise: $(cat /tmp/diff)"
	status=1
fi
if grep -q . /sys/kernel/debug/peerbuf/buffers; then
	diag "a buffer is still held: $(cat /sys/kernel/debug/peerbuf/buffers /sys/kernel/debug/peerbuf/holders)"
	status=1
fi
echo >$g/UDC
exec 7>&-
exit $status
