#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The peerbuf command against a sysfs made of plain files: output, error sentences, exit
# status, what is written where; and that help and man page agree.
set -u
build=$(cd "$(dirname "$0")/../.." && pwd)
root=${PEERBUF_ROOT:-$(dirname "$build")}
peerbuf=$build/bin/peerbuf
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export PEERBUF_SYSFS="$work/sys"
pci=$PEERBUF_SYSFS/bus/pci

count=0
failed=0
ok() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=1
		echo "not ok $count - $2"
	fi
}

is() { # GOT WANTED NAME
	[ "$1" = "$2" ] && ok 0 "$3" && return
	ok 1 "$3"
	printf '%s\n' "     got: $1" "expected: $2" | sed 's/^/# /'
}

# run ARGUMENT...: status, standard output and standard error in $status, $out and $err
run() {
	"$peerbuf" "$@" >"$work/out" 2>"$work/err"
	status=$?
	out=$(cat "$work/out")
	err=$(cat "$work/err")
}

# The command fails with this status and this sentence, and prints nothing else.
refuses() { # STATUS SENTENCE NAME ARGUMENT...
	wanted="$1 peerbuf: $2"
	name=$3
	shift 3
	run "$@"
	is "$status $err$out" "$wanted" "$name"
}

device() { # BDF VENDOR DEVICE GROUP [DRIVER]
	dir=$pci/devices/$1
	mkdir -p "$dir" "$PEERBUF_SYSFS/kernel/iommu_groups/$4/devices"
	echo "$2" >"$dir/vendor"
	echo "$3" >"$dir/device"
	echo "(null)" >"$dir/driver_override"
	ln -s "../../../../kernel/iommu_groups/$4" "$dir/iommu_group"
	ln -s "../../../../bus/pci/devices/$1" "$PEERBUF_SYSFS/kernel/iommu_groups/$4/devices/$1"
	[ -z "${5:-}" ] || ln -s "../../drivers/$5" "$dir/driver"
}

driver() { # NAME
	mkdir -p "$pci/drivers/$1"
	: >"$pci/drivers/$1/bind"
	: >"$pci/drivers/$1/unbind"
}

fake_sysfs() {
	rm -rf "$PEERBUF_SYSFS"
	driver nvme
	driver vfio-pci
	driver vfio_pci_peerbuf
	: >"$pci/drivers_probe"
	device 0000:01:00.0 0xfff0 0x0010 7 nvme
	device 0000:02:00.0 0xfff0 0x1110 8 vfio_pci_peerbuf
	device 0000:03:00.0 0xfff0 0x1111 9
	device 0000:03:00.1 0xfff0 0x1112 9 nvme
	cat >"$pci/devices/0000:01:00.0/resource" <<-END
		0x00000000fe800000 0x00000000fe803fff 0x0000000000140204
		0x0000000000000000 0x0000000000000000 0x0000000000000000
	END
	cat >"$pci/devices/0000:02:00.0/resource" <<-END
		0x00000000fe600000 0x00000000fe6000ff 0x0000000000040200
		0x000000000000c000 0x000000000000c01f 0x0000000000040101
		0x0000380000000000 0x000038003fffffff 0x000000000014220c
	END
}

#------------------------------------------------------------------------- list

fake_sysfs
run device list
is "$status $err" "0 " "device list succeeds"
is "$(sed -n 1p "$work/out" | tr -s ' ')" "DEVICE ID DRIVER GROUP EXPORTABLE BARS NAME" \
	"device list has titles"
is "$(sed -n 2p "$work/out" | tr -s ' ')" "0000:01:00.0 fff0:0010 nvme 7 no 0:16K -" \
	"an NVMe controller, with its register BAR"
is "$(sed -n 3p "$work/out" | tr -s ' ')" \
	"0000:02:00.0 fff0:1110 vfio_pci_peerbuf 8 yes 0:256 2:1G -" \
	"a device that can export, with memory BARs only"
is "$(sed -n 4p "$work/out" | tr -s ' ')" "0000:03:00.0 fff0:1111 - 9 no - -" \
	"a device without driver and BARs"
run --json device list
is "$(tr -d ' \n' <"$work/out" | grep -o '"bars":\[{[^]]*}\],"name"' | sed -n 2p)" \
	'"bars":[{"index":0,"size":256,"prefetchable":false,"width":32},{"index":2,"size":1073741824,"prefetchable":true,"width":64}],"name"' \
	"device list in JSON has sizes in bytes"

PEERBUF_SYSFS=$work/none refuses 1 \
	"the PCI devices cannot be listed: $work/none/bus/pci/devices: No such file or directory" \
	"without sysfs there is no list" device list

#------------------------------------------------------------------- bind, unbind

refuses 2 '"1:0" is not a PCI address such as 0000:01:00.0' "a malformed address" \
	device bind 1:0
refuses 2 '"0000:01:00.8" is not a PCI address such as 0000:01:00.0' "a function above 7" \
	device bind 0000:01:00.8
refuses 1 "there is no PCI device 0000:09:00.0" "a device that is not there" device bind 09:00.0
refuses 2 '"nvme" is neither vfio-pci-peerbuf nor vfio-pci' "a driver that is not for VFIO" \
	device bind 01:00.0 nvme
refuses 1 "0000:01:00.0 is bound to nvme, which is no VFIO driver" "unbind leaves other drivers alone" \
	device unbind 01:00.0

run device bind 0000:02:00.0
is "$status $out" "0 0000:02:00.0 is bound to vfio_pci_peerbuf" "binding again is success"
is "$(cat "$pci/devices/0000:02:00.0/driver_override")" "(null)" "and changes nothing"

rm -r "$pci/drivers/vfio_pci_peerbuf"
refuses 1 "the driver vfio_pci_peerbuf is not loaded; try: modprobe vfio_pci_peerbuf" \
	"a driver that is not loaded" device bind 01:00.0
is "$(cat "$pci/drivers/nvme/unbind")" "" "then the device keeps its driver"

fake_sysfs
rm "$pci/devices/0000:01:00.0/iommu_group"
refuses 1 "0000:01:00.0 has no IOMMU group; switch the IOMMU on, such as with intel_iommu=on on the kernel command line" \
	"a machine without IOMMU" device bind 01:00.0

# Plain files bind nothing: the command has to notice and to put everything back.
fake_sysfs
refuses 1 "vfio-pci does not take 0000:01:00.0: the kernel log may tell why" \
	"a driver that refuses the device" device bind 01:00.0 vfio_pci
is "$(cat "$pci/drivers/nvme/unbind" "$pci/drivers/vfio-pci/bind" "$pci/drivers/nvme/bind")" \
	"0000:01:00.00000:01:00.00000:01:00.0" "the old driver gets it back"
is "$(head -c 1 "$pci/devices/0000:01:00.0/driver_override" | od -An -c | tr -d ' ')" '\n' \
	"and the choice of a driver is undone"

# Pipes instead of files make a kernel: the other end sees each write, and acts on it.
fake_sysfs
rm "$pci/drivers/nvme/unbind" "$pci/drivers/vfio_pci_peerbuf/bind"
mkfifo "$pci/drivers/nvme/unbind" "$pci/drivers/vfio_pci_peerbuf/bind"
{
	timeout 20 cat "$pci/drivers/nvme/unbind" >"$work/unbound"
	ln -sfn ../../drivers/vfio_pci_peerbuf "$pci/devices/0000:03:00.1/driver"
	timeout 20 cat "$pci/drivers/vfio_pci_peerbuf/bind" >"$work/bound"
} &
run device bind 0000:03:00.1 vfio-pci-peerbuf
wait
is "$status $err$out" "0 0000:03:00.1 is bound to vfio_pci_peerbuf" "bind succeeds"
is "$(cat "$work/unbound") $(cat "$work/bound")" "0000:03:00.1 0000:03:00.1" \
	"the old driver lost the device before the new one got it"
is "$(cat "$pci/devices/0000:03:00.1/driver_override")" vfio_pci_peerbuf \
	"the new driver alone may have it"

ln -sfn ../../drivers/nvme "$pci/devices/0000:03:00.1/driver"
ln -sfn ../../drivers/vfio-pci "$pci/devices/0000:03:00.0/driver"
run device bind 03:00.0 vfio-pci
is "$status $err" \
	"0 peerbuf: note: VFIO will refuse IOMMU group 9 while 0000:03:00.1 is bound to nvme" \
	"bind warns of a group that is not complete"
run --json device bind 03:00.0 vfio-pci
is "$(tr -d '\n' <"$work/out" | tr -s ' ')" \
	'{ "bdf": "0000:03:00.0", "driver": "vfio-pci", "previous": "vfio-pci", "iommu_group": 9, "blocked_by": "0000:03:00.1 is bound to nvme"}' \
	"bind in JSON says the same"

fake_sysfs
run device unbind 02:00.0
is "$status $(cat "$pci/drivers/vfio_pci_peerbuf/unbind") $(cat "$pci/drivers_probe")" \
	"0 0000:02:00.0 0000:02:00.0" "unbind takes the device and offers it to all drivers"

#------------------------------------------------------------------------- topo

# What a real machine has beside that: see tests/vm/67-topo-remedies.sh.
fake_sysfs
mkdir -p "$pci/devices/0000:01:00.0/nvme/nvme0" "$PEERBUF_SYSFS/module/peerbuf_core/parameters"
echo 0x010802 >"$pci/devices/0000:01:00.0/class"
echo 2 >"$pci/devices/0000:01:00.0/nvme/nvme0/cmbloc"
echo $((4 << 12 | 2 << 8 | 0x1f)) >"$pci/devices/0000:01:00.0/nvme/nvme0/cmbsz"
echo DMA-FQ >"$PEERBUF_SYSFS/kernel/iommu_groups/7/type"
echo 0000:01:00.0-0000:02:00.0 >"$PEERBUF_SYSFS/module/peerbuf_core/parameters/route_override"
run topo dump
is "$status $(tr -d ' \n' <"$work/out" | grep -o '"cmb":{[^}]*}')" \
	'0 "cmb":{"bar":2,"size":4194304}' "a controller memory buffer of 4 times 1 MiB"
is "$(grep -c '"iommu": "DMA-FQ"' "$work/out")" 1 "whether the IOMMU translates"
is "$(grep -c '"acs"' "$work/out")" 0 "nothing about ACS where config space cannot be read"
is "$(grep -o '"route_override": .*' "$work/out")" \
	'"route_override": "0000:01:00.0-0000:02:00.0",' "pairs that are excepted"
run topo
is "$(grep -o 'BARs 0:16K  CMB 4M in BAR 2  driver nvme, group 7, IOMMU DMA-FQ' "$work/out")" \
	'BARs 0:16K  CMB 4M in BAR 2  driver nvme, group 7, IOMMU DMA-FQ' "a device in the tree"
head -c 64 /dev/zero >"$pci/devices/0000:01:00.0/config"
head -c 256 /dev/zero >"$pci/devices/0000:02:00.0/config"
run topo dump
is "$(grep -c '"acs": null' "$work/out")" 1 "64 bytes of config space say nothing, 256 that there is no ACS"

refuses 1 "$work/none cannot be read: No such file or directory" "a recording that is not there" \
	topo --from "$work/none"
refuses 1 "$work/out cannot be read as JSON" "one that is none" topo --from "$work/out"

#----------------------------------------------------------------------- buffer

# Processes are files, too.
fake_sysfs
export PEERBUF_FAKE_ROOT="$work/root"
process() { # PID NAME
	mkdir -p "$PEERBUF_FAKE_ROOT/proc/$1/fd" "$PEERBUF_FAKE_ROOT/proc/$1/fdinfo"
	printf '%s\n' "$2" >"$PEERBUF_FAKE_ROOT/proc/$1/comm"
}
opened() { # PID FD INODE SIZE EXPORTER [NAME]
	ln -s "/dmabuf:${6:-}" "$PEERBUF_FAKE_ROOT/proc/$1/fd/$2"
	printf 'pos:\t0\nflags:\t02\nmnt_id:\t14\nino:\t%s\nsize:\t%s\ncount:\t2\nexp_name:\t%s\n' \
		"$3" "$4" "$5" >"$PEERBUF_FAKE_ROOT/proc/$1/fdinfo/$2"
	[ -z "${6:-}" ] || printf 'name:\t%s\n' "$6" >>"$PEERBUF_FAKE_ROOT/proc/$1/fdinfo/$2"
}
mkdir -p "$PEERBUF_FAKE_ROOT/proc/sys"
run buffer list
is "$status $out" "0 There are no buffers." "no buffers"
is "$err" "peerbuf: note: $PEERBUF_SYSFS/kernel/debug/dma_buf/bufinfo: No such file or directory; without debugfs only what processes hold is shown" \
	"and without debugfs a remark"
process 12 vmm
opened 12 5 7 65536 system camera
opened 12 6 7 65536 system camera
ln -s /dev/null "$PEERBUF_FAKE_ROOT/proc/12/fd/0"
process 300 "$(printf 'a\033[31mb')"
printf '7f0000000000-7f0000010000 r--s 00000000 00:0e 7    /dmabuf:camera\n7f0000020000-7f0000021000 r--p 00000000 fe:01 99   /lib/x.so\n' \
	>"$PEERBUF_FAKE_ROOT/proc/300/maps"
run buffer list
is "$(tr -s ' ' <"$work/out" | sed 's/^ //')" \
	"INODE ID EXPORTER NAME SIZE STATE REVOKES RESTORES IMPORTERS HOLDERS
7 - system camera 64K - - - - vmm(12),a?[31mb(300)" \
	"what processes hold, without what would reach the terminal"
run --json buffer show 7
is "$(tr -d ' \n' <"$work/out" | grep -o '"holders":.*\]')" \
	'"holders":[{"pid":12,"comm":"vmm","fds":2,"maps":0},{"pid":300,"comm":"a?[31mb","fds":0,"maps":1}]' \
	"holders in JSON"

mkdir -p "$PEERBUF_SYSFS/kernel/debug/dma_buf" "$PEERBUF_SYSFS/kernel/debug/peerbuf"
buffers=$PEERBUF_SYSFS/kernel/debug/peerbuf/buffers
{
	printf '\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n'
	printf '00065536\t00000002\t00080007\t00000003\tsystem\t00000007\tcamera\n'
	printf '\tAttached Devices:\n\t0000:01:00.0:direct\n\t0000:05:00.0\nTotal 2 devices attached\n\n'
	printf '104857600\t00000002\t00080007\t00000003\tvfio_pci_peerbuf\t00000009\t<none>\n'
	printf '\tAttached Devices:\nTotal 0 devices attached\n\n\nTotal 2 objects, 104923136 bytes\n'
} >"$PEERBUF_SYSFS/kernel/debug/dma_buf/bufinfo"
run buffer list
is "$err $(sed 1d "$work/out" | tr -s ' ' | sed 's/^ //')" \
	" 7 - system camera 64K - - - 0000:01:00.0:direct,0000:05:00.0 vmm(12),a?[31mb(300)
9 - vfio_pci_peerbuf - 100M - - - - -" "the kernel's own list, with devices"

echo "ino=7 exporter=system size=0x10000 type=iommu origin=sgt importer=0000:01:00.0:direct typed=1 device=0000:01:00.0 iova=0x80000000 length=0x10000 mapped=1" \
	>"$PEERBUF_SYSFS/kernel/debug/peerbuf/foreign"
{
	echo "id=1 ino=9 exporter=vfio_pci_peerbuf size=0x6400000 state=live attachments=2 revokes=0 restores=0 waiting=0"
	printf '\ttype=iommu origin=pal importer=0000:01:00.0 route=2 iova=0x40000000 length=0x1000 device=0000:01:00.0 mapped=1\n'
	printf '\ttype=sgt origin=pal importer=0000:04:00.0 route=2 error=-5\n'
	echo "id=12 ino=10 exporter=vfio_pci_peerbuf size=4096 state=revoked attachments=0 revokes=3 restores=2 waiting=0"
} >"$buffers"
run buffer list
is "$(tr -s ' ' <"$work/out" | sed 's/^ //')" \
	"INODE ID EXPORTER NAME SIZE STATE REVOKES RESTORES IMPORTERS HOLDERS
7 - system camera 64K - - - 0000:01:00.0:direct(iommu),0000:05:00.0 vmm(12),a?[31mb(300)
9 1 vfio_pci_peerbuf - 100M live 0 0 0000:01:00.0(iommu),0000:04:00.0(sgt) -
10 12 vfio_pci_peerbuf - 4K revoked 3 2 - -" "what the modules know is added"
run --json buffer show id=1
is "$(tr -d ' \n' <"$work/out" | grep -o '"importers":\[{"type":"iommu".*"error":-5}\]')" \
	'"importers":[{"type":"iommu","origin":"pal","importer":"0000:01:00.0","route":2,"iova":1073741824,"length":4096,"device":"0000:01:00.0","mapped":1},{"type":"sgt","origin":"pal","importer":"0000:04:00.0","route":2,"error":-5}]' \
	"importers in JSON"
refuses 1 "there is no buffer id=2; see peerbuf buffer list" "a number that no buffer has" buffer show id=2
refuses 2 '"x" is neither an inode number nor id=NUMBER of a buffer; see peerbuf buffer list' \
	"what is no number" buffer show x
refuses 2 '"id=-1" is neither an inode number nor id=NUMBER of a buffer; see peerbuf buffer list' \
	"nor a negative one" buffer show "id=-1"
is "$(run map list; sed 1d "$work/out" | tr -s ' ')" \
	"0000:01:00.0 0x80000000 64K yes 7 system - - -
0000:01:00.0 0x40000000 4K yes 9 vfio_pci_peerbuf live - -" "mappings of both kinds"
refuses 1 "buffer 7 is of system: only buffers that peerbuf's modules export can be revoked" \
	"a foreign buffer cannot be revoked" buffer revoke 7
refuses 1 "no process has a descriptor of buffer 9: only its owner can revoke it" \
	"nor one that nobody has" buffer revoke 9
refuses 1 "no process has a descriptor of buffer 9: it cannot be mapped any more" \
	"nor can it be mapped" map add 01:00.0 9
refuses 2 '"x" is not an address such as 0x40000000' "what is no IOVA" map add 01:00.0 9 x
refuses 1 "there is no PCI device 0000:09:00.0" "a device that is not there" map add 09:00.0 9
refuses 1 "no process has 0000:01:00.0 open: nothing is mapped for it" "nothing to remove" \
	map remove 01:00.0 0x1000
process 40 app
ln -s /dev/vfio/7 "$PEERBUF_FAKE_ROOT/proc/40/fd/3"
ln -s /dev/vfio/vfio "$PEERBUF_FAKE_ROOT/proc/40/fd/4"
refuses 1 "0000:01:00.0 is in use by app (40), whose container takes no buffers: it is not of peerbuf's type" \
	"a container of another type" map remove 01:00.0 0x1000
refuses 2 "the form is: peerbuf buffer export BDF BAR OFFSET:LENGTH ..." "an export of nothing" \
	buffer export 01:00.0 2
refuses 2 "a range is OFFSET:LENGTH, in bytes such as 65536 or 64K" "a range that is none" \
	buffer export 01:00.0 2 4K
refuses 2 '"6" is not the number of a BAR, 0 to 5' "a BAR that cannot be" buffer export 01:00.0 6 0:4K
refuses 2 '"rom" is neither a PCI address such as 0000:01:00.0 nor "ram"' "what cannot export" \
	buffer export rom 0 0:4K
refuses 2 "the form is: peerbuf buffer export ram LENGTH, with a multiple of 4096" "RAM of no page" \
	buffer export ram 1
refuses 2 "--socket is an option of buffer export" "another command's option" device list --socket x
refuses 2 "--socket is an option of buffer export" "or that of another verb" buffer list --socket x
refuses 2 "--socket is an option of buffer export" "also behind one that is right" topo --all --socket x
refuses 2 "--socket needs a value: --socket PATH" "an option without its value" buffer export ram 4K --socket
refuses 2 "--socket needs a value: --socket PATH" "or with an empty one" buffer export ram 4K --socket ""

echo "what is this" >"$buffers"
refuses 1 "line 1 of $buffers is not made of key=value words" "a list that makes no sense" \
	buffer list
printf '\ttype=sgt\n' >"$buffers"
refuses 1 "line 1 of $buffers is not made of key=value words" "an importer of nothing" buffer list
: >"$buffers"

# A name of two columns in three bytes, beside one of one in one.
opened 12 8 20 4096 x "$(printf '\346\274\242')"
opened 12 9 21 4096 x ab
LC_ALL=C.UTF-8 run buffer list
is "$(grep ' 4K ' "$work/out" | LC_ALL=C sed "s/$(printf '\346\274\242')/ww/" |
	awk '{ print index($0, " 4K ") }' | sort -u | wc -l)" 1 \
	"columns are as wide on the terminal as they are counted"

#----------------------------------------------------------------- watch, top, doctor

refuses 2 '"x" is not a number of seconds, 1 to 86400' "a watch of no length" watch x
refuses 1 "top needs a terminal; peerbuf buffer list does not" "top without a terminal" top
run --json top
is "$status $(tr -d '\n' <"$work/out" | tr -s ' ')" \
	'2 { "error": "top is for people; programs use buffer list or watch"}' "top for a program"

fake_sysfs
rm -rf "$PEERBUF_FAKE_ROOT" "$PEERBUF_SYSFS/kernel/iommu_groups"
mkdir -p "$PEERBUF_FAKE_ROOT/proc/sys/kernel" "$PEERBUF_FAKE_ROOT/boot" "$PEERBUF_FAKE_ROOT/dev/vfio" \
	"$PEERBUF_FAKE_ROOT/lib/modules/6.1.0-9"
echo 6.1.0-9 >"$PEERBUF_FAKE_ROOT/proc/sys/kernel/osrelease"
says() { # STATUS FINDING REMEDY NAME: one of the doctor's findings
	name=$4
	grep -A1 -xF "$(printf '%-7s  %s' "$1" "$2")" "$work/out" >"$work/finding"
	is "$(sed -n 2p "$work/finding" | sed -n 's/^ *-> //p')" "$3" "$name"
}
run doctor
is "$status $err" "1 " "a machine that is not ready"
says problem "The kernel 6.1.0-9 is older than 6.12." \
	"Install a kernel of 6.12 or later, such as Debian's linux-image-6.12-amd64, and boot it." \
	"an old kernel"
says warning "The kernel's configuration is not on this machine." \
	"Look for CONFIG_VFIO and the like in the configuration the kernel was built with." "no configuration"
says problem "No IOMMU is at work: no device has an IOMMU group." \
	"Switch VT-d or AMD-Vi on in the firmware, and on Intel boot with intel_iommu=on." "no IOMMU"
says problem "The module peerbuf_core is not installed for this kernel." \
	"Install peerbuf-dkms and linux-headers-6.1.0-9." "no modules"
says problem "/dev/vfio/vfio is not there." "modprobe vfio-pci" "no VFIO"
is "$(tail -n 1 "$work/out")" "This machine is not ready." "in the end a verdict"
mkdir -p "$PEERBUF_FAKE_ROOT/var/lib/dkms/peerbuf"
printf 'flags\t\t: fpu hypervisor lahf_lm\n' >"$PEERBUF_FAKE_ROOT/proc/cpuinfo"
run doctor
says problem "The module peerbuf_core is not installed for this kernel." \
	"Install linux-headers-6.1.0-9: DKMS has the source, but not what it is compiled with." \
	"no modules, for want of headers"
says problem "No IOMMU is at work: no device has an IOMMU group." \
	"This is a virtual machine: have its host give it an IOMMU, such as QEMU's -device intel-iommu, and boot with intel_iommu=on." \
	"no IOMMU in a virtual machine"
mkdir "$PEERBUF_FAKE_ROOT/lib/modules/6.1.0-9/build"
echo "root=/dev/vda intel_iommu=off quiet" >"$PEERBUF_FAKE_ROOT/proc/cmdline"
run doctor
says problem "The module peerbuf_core is not installed for this kernel." \
	"dkms autoinstall; if it fails, /var/lib/dkms/peerbuf has its log." "modules that were not built"
says problem "No IOMMU is at work: no device has an IOMMU group." \
	"Boot without intel_iommu=off, which is on the kernel's command line." "an IOMMU that is off"
run --json doctor
is "$status $(tr -d '\n' <"$work/out" | tr -s ' ' | grep -o '"check": "iommu",.*"remedy": "Boot' | cut -c 1-40)" \
	'1 "check": "iommu", "status": "problem", "' "the same in JSON"

fake_sysfs
rel=6.12.9-amd64
mkdir -p "$PEERBUF_FAKE_ROOT/lib/modules/$rel/updates/dkms" "$PEERBUF_SYSFS/module/vfio_iommu_peerbuf" \
	"$PEERBUF_SYSFS/module/peerbuf_core/parameters" "$PEERBUF_SYSFS/kernel/security" \
	"$PEERBUF_SYSFS/kernel/iommu_groups/8/devices" "$PEERBUF_SYSFS/kernel/debug/dma_buf"
echo $rel >"$PEERBUF_FAKE_ROOT/proc/sys/kernel/osrelease"
printf 'CONFIG_%s=y\n' DMA_SHARED_BUFFER IOMMU_SUPPORT MODULES VFIO VFIO_CONTAINER VFIO_PCI_CORE \
	>"$PEERBUF_FAKE_ROOT/boot/config-$rel"
printf 'kernel/drivers/vfio/pci/vfio-pci.ko.xz: x\nupdates/dkms/vfio_pci_peerbuf.ko:\n' \
	>"$PEERBUF_FAKE_ROOT/lib/modules/$rel/modules.dep"
echo identity >"$PEERBUF_SYSFS/kernel/iommu_groups/8/type"
echo 0.0.1 >"$PEERBUF_SYSFS/module/vfio_iommu_peerbuf/version"
: >"$PEERBUF_FAKE_ROOT/dev/vfio/vfio"
run doctor
says ok "The kernel is $rel." "" "a kernel that will do"
says problem "The kernel was built without CONFIG_VFIO_GROUP." \
	"Boot a kernel that has them, such as Debian's own." "an option that is missing"
says warning "The IOMMU is on, but does not translate for host drivers of 1 of 3 groups." \
	"Boot without iommu=pt if host drivers import buffers: without translation a revoke depends on their word." \
	"an IOMMU that does not translate"
says ok "The module peerbuf_core is loaded." "" "a module that is loaded"
says warning "The module vfio_pci_peerbuf is installed, but not loaded." "modprobe vfio_pci_peerbuf" \
	"one that is not"
says warning "The module vfio_pci is installed, but not loaded." "modprobe vfio_pci" \
	"one with another sign in its name"
says warning "The module vfio_iommu_peerbuf is of version 0.0.1, this command of $(cat "$root/VERSION")." \
	"Install both in one version, and load the module anew." "one of another version"
says ok "0000:02:00.0 can be used, in IOMMU group 8." "" "a device that can be used"
says ok "The kernel loads modules that are not signed." "" "no signatures are asked for"
is "$(grep -c iommufd "$work/out")" 0 "a kernel without iommufd hears nothing of it"

echo "updates/dkms/peerbuf_iommufd.ko:" >>"$PEERBUF_FAKE_ROOT/lib/modules/$rel/modules.dep"
run doctor
says ok "The kernel's own iommufd does not map buffers; modprobe peerbuf_iommufd lets it." "" \
	"an iommufd that could map buffers"
mkdir "$PEERBUF_SYSFS/module/peerbuf_iommufd"
run doctor
says ok "The module peerbuf_iommufd is loaded." "" "one that does"

ln -sfn ../../drivers/vfio-pci "$pci/devices/0000:03:00.0/driver"
echo "none [integrity] confidentiality" >"$PEERBUF_SYSFS/kernel/security/lockdown"
echo 0000:01:00.0-0000:02:00.0 >"$PEERBUF_SYSFS/module/peerbuf_core/parameters/route_override"
run doctor
says ok "lockdown (integrity) asks for signed modules, and the kernel took ours." "" "a signed module"
says problem "IOMMU group 9 of 0000:03:00.0 cannot be used: 0000:03:00.1 is bound to nvme." \
	"peerbuf device bind 0000:03:00.1 vfio-pci" "a group with a host driver in it"
says warning "Routes are overridden: 0000:01:00.0-0000:02:00.0." \
	'Believe them after "peerbuf test" only; take them back by: echo > /sys/module/peerbuf_core/parameters/route_override' \
	"routes that are overridden"
rm -r "$PEERBUF_SYSFS/module/peerbuf_core"
echo "updates/dkms/peerbuf_core.ko:" >>"$PEERBUF_FAKE_ROOT/lib/modules/$rel/modules.dep"
echo not signed >"$PEERBUF_FAKE_ROOT/lib/modules/$rel/updates/dkms/peerbuf_core.ko"
remedy="Have DKMS sign them with a key that mokutil has enrolled; see docs/packages.md."
run doctor
says problem "lockdown (integrity) asks for signed modules, and peerbuf_core is not signed." "$remedy" \
	"a module that is not signed"
printf '~Module signature appended~\n' >>"$PEERBUF_FAKE_ROOT/lib/modules/$rel/updates/dkms/peerbuf_core.ko"
rm "$PEERBUF_SYSFS/kernel/security/lockdown"
mkdir -p "$PEERBUF_SYSFS/firmware/efi/efivars"
printf '\006\000\000\000\001' \
	>"$PEERBUF_SYSFS/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
run doctor
says warning "Secure Boot asks for signed modules; peerbuf_core is signed, but not loaded." \
	'Load it, and if the kernel says "Key was rejected by service", enrol the key: mokutil --import /var/lib/dkms/mok.pub' \
	"Secure Boot, and a module that is signed"
printf '\006\000\000\000\000' \
	>"$PEERBUF_SYSFS/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
run doctor
says ok "The kernel loads modules that are not signed." "" "Secure Boot that is off"
mkdir -p "$PEERBUF_SYSFS/module/module/parameters"
echo Y >"$PEERBUF_SYSFS/module/module/parameters/sig_enforce"

# Compressed, as Debian's are; the end of the file is another one.
core=updates/dkms/peerbuf_core.ko
cd "$PEERBUF_FAKE_ROOT/lib/modules/$rel" || exit 1
head -c 200000 /dev/urandom >"$work/module"
for tool in xz zstd gzip; do
	command -v $tool >/dev/null || { echo "ok $((count += 1)) - $tool # SKIP it is not here"; continue; }
	case $tool in zstd) suffix=zst ;; gzip) suffix=gz ;; *) suffix=$tool ;; esac
	echo "$core.$suffix:" >modules.dep
	$tool -c <"$work/module" >$core.$suffix
	run doctor
	says problem "module.sig_enforce asks for signed modules, and peerbuf_core is not signed." "$remedy" \
		"a module compressed by $tool that is not signed"
	{ cat "$work/module" && printf '~Module signature appended~\n'; } | $tool -c >$core.$suffix
	run doctor
	is "$(grep -c "peerbuf_core is signed, but not loaded" "$work/out")" 1 "one that is"
done
echo "what cannot be unpacked" >$core.$suffix
run doctor
says warning "module.sig_enforce asks for signed modules; whether peerbuf_core is signed cannot be read here." \
	"modinfo -F signer peerbuf_core: it names the key, if there is one." "one that cannot be unpacked"
cd "$root" || exit 1
unset PEERBUF_FAKE_ROOT

#------------------------------------------------------------------------ usage

refuses 2 'a command is needed; see "peerbuf help"' "no command"
refuses 2 'there is no command "devices"; see "peerbuf help"' "an unknown command" devices list
refuses 2 '"device" needs one of: list, show, bind, unbind' "a noun without a verb" device
refuses 2 '"device" has no "lst", but: list, show, bind, unbind; see "peerbuf help"' "an unknown verb" \
	device lst
refuses 2 'there is no option "-x"; see "peerbuf help"' "an unknown option" device -x list
refuses 2 'wrong number of arguments; the form is: peerbuf device bind BDF [DRIVER]' \
	"a missing argument" device bind
refuses 2 'wrong number of arguments; the form is: peerbuf help' "an argument too many" help me
refuses 2 'there are too many arguments; see "peerbuf help"' "far too many arguments" $(seq 80)
run device lst --json
is "$status $err$(tr -d '\n' <"$work/out" | tr -s ' ')" \
	'2 { "error": "\"device\" has no \"lst\", but: list, show, bind, unbind; see \"peerbuf help\""}' \
	"with --json errors are JSON, on standard output"
run version
is "$status $(sed -n 1p "$work/out") $(sed -n 2p "$work/out" | tr -s ' ')" \
	"0 peerbuf $(cat "$root/VERSION") peerbuf_core not loaded" "the version is that of the file VERSION"
is "$(grep -c '^peerbuf_iommufd ' "$work/out")" 1 "each module is listed"
run --version
is "$(sed -n 1p "$work/out")" "peerbuf $(cat "$root/VERSION")" "--version is the same"
"$peerbuf" device list >/dev/full 2>"$work/err"
is "$? $(cat "$work/err")" "1 peerbuf: the output cannot be written" "a full disk is an error"

#--------------------------------------------------------------- help and man page

"$peerbuf" help | sed -n 's/^  \([a-z].*[^ ]\)   *[a-z].*$/\1/p' | sed 's/   *.*//' >"$work/help"
sed -n 's/^\.It Cm \(.*\)$/\1/p' "$root/man/peerbuf.8" |
	sed -e 's/ Cm / /g' -e 's/ Op Ar \([A-Z]*\( \.\.\.\)*\)/ [\1]/g' -e 's/ Ar / /g' >"$work/man"
is "$(sort "$work/man")" "$(sort "$work/help")" "man page and help have the same commands"
is "$(wc -l <"$work/help")" 20 "help lists the commands"
run -h
is "$status $out" "0 $("$peerbuf" help)" "so is -h"
run --help
is "$status $out" "0 $("$peerbuf" help)" "--help is the command help"
lost=
while read -r noun verb rest; do
	# shellcheck disable=SC2086 # words; a command that is known never says that it is not
	case $("$peerbuf" $noun ${verb:-} 2>&1 </dev/null) in
	*"there is no command"* | *" has no "*) lost="$lost $noun $verb" ;;
	esac
done <"$work/help"
is "$lost" "" "every command in the help is known"

#--------------------------------------------------------------------- completion

if command -v bash >/dev/null; then
	# What bash offers after these words; the last one is being typed.
	offers() { # WORD...
		bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _peerbuf
			printf "%s\n" "${COMPREPLY[@]}"' "$root/completion/peerbuf" peerbuf "$@" | sort | tr '\n' ' '
	}
	is "$(offers "")" "$(awk '{ print $1 }' "$work/help" | sort -u | tr '\n' ' ')" \
		"completion knows the nouns of the help"
	for noun in $(awk '$2 ~ /^[a-z]/ { print $1 }' "$work/help" | sort -u); do
		is "$(offers "$noun" "" | tr ' ' '\n' | grep '^[a-z]' | tr '\n' ' ')" \
			"$(awk -v n="$noun" '$1 == n && $2 ~ /^[a-z]/ { print $2 }' "$work/help" | sort | tr '\n' ' ')" \
			"and the verbs of $noun"
	done
	"$peerbuf" help | sed -n 's/^  \(--[a-z]*\).*/\1/p' | sort >"$work/options"
	is "$({ offers topo -- && offers buffer --; } | tr ' ' '\n' | grep . | sort -u)" \
		"$(cat "$work/options")" "and the options"
	is "$(sed -n 's/^\.It \(Fl -[a-z].*\)/\1/p' "$root/man/peerbuf.8" | grep -o 'Fl -[a-z]*' |
		sed 's/Fl /-/' | sort -u)" "$(cat "$work/options")" "as does the man page"
	is "$(offers device bind 01:00.0 vfio-pci-)" "vfio-pci-peerbuf " "what has begun is completed"
else
	ok 0 "completion # SKIP there is no bash"
fi

# Each form with an argument less and one more is refused, in one line.
while read -r noun verb rest; do
	case $verb in [a-z]*) ;; *) rest="$verb $rest" verb= ;; esac
	# shellcheck disable=SC2086 # words
	set -- $rest
	case " $rest " in
	*" ... "* | *"... "*) continue ;;
	*) run $noun $verb $(seq 12) ;;
	esac
	[ "$status" -eq 2 ] && [ "$(wc -l <"$work/err")" -eq 1 ] && [ -z "$out" ]
	ok $? "too many arguments of $noun $verb"
done <"$work/help"

echo "1..$count"
exit $failed
