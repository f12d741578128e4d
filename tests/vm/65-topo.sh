#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command and the kernel decide alike about every pair of functions of a random tree, virtual
# ones included, with ACS registers as the kernel left them and with random ones; and, on kernels
# that have peer-to-peer DMA themselves, as those do.
#
# QEMU's switches have no ACS, and no host bridge of its is one that is known to route: a test
# module has config space pretend both, to all who ask.
#
# vm/run --set seed=N --env SEED=N tests/vm/65-topo.sh tries another tree.
#
# Without ACPI's interrupt routing: for a further host bridge it takes the debug kernel a minute.
#
# vm-topology: random
# vm-cmdline: acpi=noirq
# vm-set: seed=15
# vm-modules: peerbuf_core
# vm-modules-available: peerbuf_p2pdma peerbuf_config nvme
# vm-needs: /usr/bin/setpci
# vm-timeout: 120
. vm/tap.sh
set -u
PATH=$PATH:/peerbuf	# setpci

route=/sys/kernel/debug/peerbuf/route
linux=/sys/kernel/debug/peerbuf_p2pdma/distance
pretend=/sys/kernel/debug/peerbuf_config/pretend
seed=${SEED:-15}

# A file that answers what is written to it.
ask() { # FILE TEXT: the answer in $answer
	answer=
	exec 3<>"$1"
	printf '%s' "$2" >&3
	read -r answer <&3
	exec 3>&-
}

# One line for each pair: provider, client, route, reason, distance.
routes() {
	awk -F'"' '
		$2 == "provider" { p = $4 }
		$2 == "client" { c = $4 }
		$2 == "route" { r = $4 }
		$2 == "reason" { why = $4 }
		$2 == "distance" { d = $3; gsub(/[^0-9]/, "", d); print p, c, r, why, d }'
}

route_name() { # NUMBER
	case $1 in
	route=1) name=bus-address ;;
	route=2) name=host-bridge ;;
	route=3) name=not-supported ;;
	*) name=unknown ;;
	esac
}

reason_name() { # NUMBER
	case $1 in
	reason=1) name=same-device ;;
	reason=2) name=same-switch ;;
	reason=3) name=acs-redirect ;;
	reason=4) name=no-common-bridge ;;
	reason=5) name=host-not-listed ;;
	reason=6) name=hosts-differ ;;
	*) name=$1 ;;
	esac
}

# What differs between the command and the kernel. The kernel's own helper tells -1, or a distance.
compare() { # NAME
	label=$1
	peerbuf topo --all --json | routes >/tmp/routes
	while read -r provider client r why d; do
		[ "$provider" != "$client" ] || continue
		ask $route "$provider-$client"
		set -- $answer
		route_name "$1"
		told=$name
		reason_name "$2"
		[ "$told $name $4" = "$r $why distance=$d" ] ||
			echo "$provider $client: command $r $why $d, kernel $answer"
		[ -e $linux ] || continue
		ask $linux "$provider-$client"
		wanted=$d
		[ "$r" != not-supported ] || wanted=-1
		[ "$answer" = "$wanted" ] ||
			echo "$provider $client: command $r $why $d, kernel's own distance $answer"
	done </tmp/routes >/tmp/differences
	[ ! -s /tmp/differences ]
	ok $? "$label: $(wc -l </tmp/routes) pairs, nobody disagrees"
	sed 's/^/# /' /tmp/differences | head -20
}

# A number below $1, another one for each $2, the same for the same seed.
random() { # BELOW WHAT
	awk -v below="$1" -v word="$seed $2" 'BEGIN {
		for (i = 1; i <= length(word); i++)
			h = (h * 31 + index(" 0123456789abcdef:.-", substr(word, i, 1))) % 1000003
		srand(h)
		rand()
		print int(rand() * below) }'
}

acs_functions() {
	for d in /sys/bus/pci/devices/*; do
		setpci -s "${d##*/}" ECAP_ACS+6.w >/dev/null 2>&1 && echo "${d##*/}"
	done
}

# Kernels before 7.3 know fewer host bridges.
known_hosts() {
	later="1ae0:0001 10de:2f95 10de:2f99 8086:4940 8086:0b25"
	echo 8086:3c00 8086:2f01 8086:2030 8086:2020 8086:09a2 8086:2034 8086:29c0
	case $(uname -r) in
	6.* | 7.[0-2].*) [ -e $linux ] || echo $later ;;
	*) echo $later ;;
	esac
}

# The functions that stand for the host bridges: the first on each root bus.
first_functions() {
	for d in /sys/devices/pci*; do
		for f in "$d"/*:*:*.*; do
			echo "${f##*/}"
			break
		done
	done
}

modprobe peerbuf_p2pdma 2>/dev/null && diag "compared with the kernel's own helper, too"
modprobe peerbuf_config
ok $? "config space can pretend"
modprobe nvme
for d in /sys/bus/pci/devices/*/sriov_numvfs; do
	[ -e "$d" ] || continue
	echo 2 >"$d"
	[ "$(cat "$d")" = 2 ]
	ok $? "$(basename "$(dirname "$d")") has two virtual functions"
done

[ "$(peerbuf topo --all --json | routes | wc -l)" -ge 16 ]
ok $? "there are functions"
bridges=
for f in $(acs_functions); do
	case $(cat "/sys/bus/pci/devices/$f/class") in
	0x0604*) bridges="$bridges $f" ;;
	esac
done
[ -n "$bridges" ]
ok $? "and bridges with ACS"
compare "ACS as the kernel left it"
cp /tmp/routes /tmp/before

for d in /sys/bus/pci/devices/*; do
	d=${d##*/}
	# Not the processor's own devices, nor the harness's.
	case $d in
	0000:00:0[01].* | 0000:00:1[ef].*) continue ;;
	esac
	[ "$(random 3 "$d")" = 0 ] || { echo "$d acs" >$pretend; } 2>/dev/null
done
functions=$(acs_functions)
diag "ACS: $(echo "$functions" | wc -l) functions"
set_acs() { # ROUND ONE-OF
	for f in $functions; do
		[ "$(random "$2" "$1-$f")" = 0 ] && bits=$(random 128 "$f-$1") || bits=0
		setpci -s "$f" "ECAP_ACS+6.w=$(printf %x "$bits"):7f"
	done
}

for round in 1 2 3; do
	# All of them, and then so few that there are routes inside, too.
	set_acs $round $((2 * round - 1))
	for f in $(first_functions); do
		pick=$(random "$(known_hosts | wc -w)" "$round-$f")
		echo "$f $(known_hosts | tr '\n' ' ' | cut -d ' ' -f $((pick + 1)))" >$pretend
	done
	compare "random ACS and host bridges, round $round"
	cut -d ' ' -f 3,4 /tmp/routes >>/tmp/kinds
done
for f in $functions; do
	setpci -s "$f" ECAP_ACS+6.w=0:2c
done
compare "no redirection"
! grep -q acs-redirect /tmp/routes
ok $? "then nothing is redirected"
! cmp -s /tmp/routes /tmp/before
ok $? "which was different at first"
cut -d ' ' -f 3,4 /tmp/routes >>/tmp/kinds
grep -q "bus-address same-switch" /tmp/kinds
ok $? "some are below one bridge"
diag "$(sort /tmp/kinds | uniq -c | tr '\n' ';')"
for d in /sys/bus/pci/devices/*/sriov_numvfs; do
	[ ! -e "$d" ] || echo 0 >"$d"
done
rmmod peerbuf_config
