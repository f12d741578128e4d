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

#----------------------------------------------------------------------- buffer

fake_sysfs
refuses 1 "$PEERBUF_SYSFS/kernel/debug/peerbuf/buffers is not there; load peerbuf_core and mount debugfs" \
	"buffer list without the modules" buffer list
mkdir -p "$PEERBUF_SYSFS/kernel/debug/peerbuf"
buffers=$PEERBUF_SYSFS/kernel/debug/peerbuf/buffers
: >"$buffers"
run buffer list
is "$status $out" "0 There are no buffers." "no buffers"
run --json buffer list
is "$status $(echo "$out" | tr -d '\n')" "0 []" "no buffers in JSON"
{
	echo "id=1 exporter=vfio_pci_peerbuf size=0x6400000 state=live attachments=2 revokes=0 restores=0 waiting=0"
	printf '\ttype=iommu origin=pal importer=0000:01:00.0 route=2 iova=0x40000000\n'
	printf '\ttype=sgt origin=pal importer=0000:04:00.0 route=2\n'
	echo "id=12 exporter=vfio_pci_peerbuf size=4096 state=revoked attachments=0 revokes=3 restores=2 waiting=0"
} >"$buffers"
run buffer list
is "$(tr -s ' ' <"$work/out" | sed 's/^ //')" \
	"ID EXPORTER SIZE STATE ATTACHMENTS REVOKES RESTORES IMPORTERS
1 vfio_pci_peerbuf 100M live 2 0 0 0000:01:00.0,0000:04:00.0
12 vfio_pci_peerbuf 4K revoked 0 3 2 -" "buffers and who is attached"
run --json buffer list
is "$(tr -d ' \n' <"$work/out" | grep -o '"importers":\[{"type":"iommu".*"route":2}\]')" \
	'"importers":[{"type":"iommu","origin":"pal","importer":"0000:01:00.0","route":2,"iova":1073741824},{"type":"sgt","origin":"pal","importer":"0000:04:00.0","route":2}]' \
	"importers in JSON"
echo "what is this" >"$buffers"
refuses 1 "line 1 of $buffers is not made of key=value words" "a list that makes no sense" \
	buffer list
printf '\ttype=sgt\n' >"$buffers"
refuses 1 "line 1 of $buffers is not made of key=value words" "an importer of nothing" buffer list

#------------------------------------------------------------------------ usage

refuses 2 'a command is needed; see "peerbuf help"' "no command"
refuses 2 'there is no command "devices"; see "peerbuf help"' "an unknown command" devices list
refuses 2 '"device" needs one of: list, bind, unbind' "a noun without a verb" device
refuses 2 '"device" has no "lst", but: list, bind, unbind; see "peerbuf help"' "an unknown verb" \
	device lst
refuses 2 'there is no option "-x"; see "peerbuf help"' "an unknown option" device -x list
refuses 2 'wrong number of arguments; the form is: peerbuf device bind BDF [DRIVER]' \
	"a missing argument" device bind
refuses 2 'wrong number of arguments; the form is: peerbuf help' "an argument too many" help me
refuses 2 'there are too many arguments; see "peerbuf help"' "far too many arguments" $(seq 80)
run device lst --json
is "$status $err$(tr -d '\n' <"$work/out" | tr -s ' ')" \
	'2 { "error": "\"device\" has no \"lst\", but: list, bind, unbind; see \"peerbuf help\""}' \
	"with --json errors are JSON, on standard output"
run version
is "$status $(sed -n 1p "$work/out") $(sed -n 2p "$work/out" | tr -s ' ')" \
	"0 peerbuf $(cat "$root/VERSION") peerbuf_core not loaded" "the version is that of the file VERSION"
run --version
is "$(sed -n 1p "$work/out")" "peerbuf $(cat "$root/VERSION")" "--version is the same"
"$peerbuf" device list >/dev/full 2>"$work/err"
is "$? $(cat "$work/err")" "1 peerbuf: the output cannot be written" "a full disk is an error"

#--------------------------------------------------------------- help and man page

"$peerbuf" help | sed -n 's/^  \([a-z].*[^ ]\)   *[a-z].*$/\1/p' | sed 's/   *.*//' >"$work/help"
sed -n 's/^\.It Cm \(.*\)$/\1/p' "$root/man/peerbuf.8" |
	sed -e 's/ Cm / /g' -e 's/ Op Ar \([A-Z]*\( \.\.\.\)*\)/ [\1]/g' -e 's/ Ar / /g' >"$work/man"
is "$(sort "$work/man")" "$(sort "$work/help")" "man page and help have the same commands"
is "$(wc -l <"$work/help")" 10 "help lists the commands"
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

echo "1..$count"
exit $failed
