#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU as Debian ships it, on the backend as type1 v2: a virtual machine inside this one
# boots from the NVMe controller that is passed through to it. Its memory and the
# controller's registers are mapped by QEMU, which knows nothing of peerbuf.
#
# vm-topology: ssd-bar
# vm-modules: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf,type1=1
# vm-modules-available: nvme ext4 crc32c_generic
# vm-needs: /usr/bin/qemu-system-x86_64 /usr/share/seabios/bios-256k.bin
# vm-needs: /usr/share/qemu/kvmvapic.bin /usr/share/qemu/pvh.bin /usr/share/qemu/linuxboot_dma.bin
# vm-needs: /usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so ${image}
# vm-memory: 1G
# vm-timeout: 600
# vm-slow: an emulated machine emulates a machine, which takes minutes
set -u
. vm/tap.sh

[ "$VM_KERNEL" = stock ] || skip_all "a checking kernel inside a checking kernel, both emulated, takes too long"

image=$(ls /peerbuf/vmlinu*)
modules=/lib/modules/$(uname -r)

# Modules in the order in which they are to be loaded.
order() { # NAME...
	for name in "$@"; do
		sed -n "s/^$name.ko://p" "$modules/modules.dep" | tr ' ' '\n' | sed -n '1!G;h;$p' | grep . || true
		echo "$name.ko"
	done
}

# ------------------------------------------------------------- what is on the disk

modprobe nvme && modprobe crc32c_generic && modprobe ext4 || bail "the disk's drivers cannot be loaded"
in_time [ -b /dev/nvme0n1 ] || bail "there is no disk"
mke2fs /dev/nvme0n1 65536 >/dev/null 2>&1 || bail "the disk cannot be formatted"
mkdir /tmp/disk
mount -t ext4 /dev/nvme0n1 /tmp/disk || bail "the disk cannot be mounted"
mkdir /tmp/disk/bin /tmp/disk/dev /tmp/disk/proc
cp /bin/busybox /tmp/disk/bin/
dd if=/dev/urandom of=/tmp/disk/data bs=1M count=8 2>/dev/null
sum=$(md5sum </tmp/disk/data)
cat >/tmp/disk/init <<'END'
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
echo "nested: booted from $(grep ' / ' /proc/mounts | tail -1)"
echo "nested: sum $(md5sum </data)"
tr a-z A-Z </init | md5sum >/answer
md5sum </answer | sed 's/^/nested: answer /'
sync
mount -o remount,ro /
poweroff -f
END
chmod +x /tmp/disk/init
umount /tmp/disk
peerbuf device bind "$SSD_BDF" vfio_pci_peerbuf >&2 || bail "the disk's controller cannot be bound"

# --------------------------------------------------------- what brings the disk up

mkdir -p /tmp/initrd/bin /tmp/initrd/dev /tmp/initrd/proc /tmp/initrd/disk /tmp/initrd/modules
cp /bin/busybox /tmp/initrd/bin/
order nvme crc32c_generic ext4 | while read -r name; do
	grep -qx "$name" /tmp/initrd/order 2>/dev/null && continue
	echo "$name" >>/tmp/initrd/order
	cp "$modules/$name" /tmp/initrd/modules/
done
cat >/tmp/initrd/init <<'END'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
while read -r name; do /bin/busybox insmod /modules/$name; done </order
until [ -b /dev/nvme0n1 ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/nvme0n1 /disk
/bin/busybox mount --move /dev /disk/dev
/bin/busybox mount --move /proc /disk/proc
exec /bin/busybox switch_root /disk /init
END
chmod +x /tmp/initrd/init
(cd /tmp/initrd && find . | cpio -o -H newc >/tmp/initrd.cpio) 2>/dev/null

# ----------------------------------------------------------------------- the machine

! grep -q '^vfio_iommu_type1 ' /proc/modules
ok $? "the stock backend is not loaded"
export QEMU_MODULE_DIR=/peerbuf
/peerbuf/qemu-system-x86_64 -L /peerbuf -nodefaults -no-user-config -display none -no-reboot -machine pc,usb=off \
	-accel tcg -cpu Nehalem,-cx16,+rdrand -m 128M -kernel "$image" -initrd /tmp/initrd.cpio \
	-append "console=ttyS0 loglevel=4 panic=-1 nokaslr mitigations=off cryptomgr.notests
		random.trust_cpu=on no_timer_check tsc=reliable" \
	-serial file:/tmp/serial -device "vfio-pci,host=$SSD_BDF,rombar=0" \
	>/tmp/qemu.log 2>&1 &
pid=$!

n=0
until grep -q 'nested: booted' /tmp/serial 2>/dev/null; do
	n=$((n + 1))
	[ $n -lt 600 ] && kill -0 $pid 2>/dev/null || break
	sleep 0.5
	[ -e /tmp/seen ] || ! grep -q vfio_pci_peerbuf /sys/kernel/debug/peerbuf/* 2>/dev/null || : >/tmp/seen
done
wait $pid
ok $? "QEMU runs and ends without an error"
tr -d '\r' </tmp/serial >/tmp/console
like "$(cat /tmp/console)" 'nested: booted from /dev/nvme0n1 / ext4' "the machine inside boots from the controller"
is "$(sed -n 's/^nested: sum //p' /tmp/console)" "$sum" "it reads what is on the disk"
! grep -i 'not support\|fail\|cannot' /tmp/qemu.log
ok $? "QEMU has mapped all that it wanted to, the controller's registers included"
[ -e /tmp/seen ]
ok $? "those became a buffer"

peerbuf device unbind "$SSD_BDF" >&2
in_time [ -b /dev/nvme0n1 ]
mount -t ext4 -o ro /dev/nvme0n1 /tmp/disk
is "$(md5sum </tmp/disk/answer)" "$(sed -n 's/^nested: answer //p' /tmp/console)" "what it wrote is on the disk"
umount /tmp/disk
[ $_tap_failed -eq 0 ] || { cat /tmp/qemu.log; tail -30 /tmp/console; } | sed 's/^/# /'
exit 0
