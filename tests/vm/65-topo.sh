#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The command and the kernel decide alike about every pair of functions of a random tree, with
# ACS registers as the kernel left them and with random ones; and, on kernels that have peer-to-peer
# DMA themselves, as those do.
#
# vm/run --set seed=N --env SEED=N tests/vm/65-topo.sh tries another tree.
#
# Without ACPI's interrupt routing: for a further host bridge it takes the debug kernel a minute.
#
# vm-topology: random
# vm-cmdline: acpi=noirq
# vm-set: seed=15
# vm-modules: peerbuf_core
# vm-modules-available: peerbuf_p2pdma
# vm-needs: /usr/bin/setpci
# vm-timeout: 120
. vm/tap.sh
set -u
PATH=$PATH:/peerbuf	# setpci

route=/sys/kernel/debug/peerbuf/route
linux=/sys/kernel/debug/peerbuf_p2pdma/distance

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

modprobe peerbuf_p2pdma 2>/dev/null && diag "compared with the kernel's own helper, too"
bridges=
for d in /sys/bus/pci/devices/*; do
	case $(cat "$d/class") in
	0x0604*) setpci -s "${d##*/}" ECAP_ACS+6.w >/dev/null 2>&1 && bridges="$bridges ${d##*/}" ;;
	esac
done
[ "$(peerbuf topo --all --json | routes | wc -l)" -ge 16 ]
ok $? "there are functions"
[ -n "$bridges" ]
ok $? "and bridges with ACS"
compare "ACS as the kernel left it"
cp /tmp/routes /tmp/before

for round in 1 2 3; do
	for b in $bridges; do
		random=$(awk "BEGIN { srand(${SEED:-15}$round${b##*:}); print int(rand() * 128) }")
		setpci -s "$b" "ECAP_ACS+6.w=$(printf %x "$random"):7f"
	done
	compare "random ACS, round $round"
done
for b in $bridges; do
	setpci -s "$b" ECAP_ACS+6.w=0:2c
done
compare "no redirection"
! grep -q acs-redirect /tmp/routes
ok $? "then nothing is redirected"
! cmp -s /tmp/routes /tmp/before
ok $? "which was different at first"
