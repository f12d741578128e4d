#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What "peerbuf topo check" says is to be done is done, as it is printed, and helps: setpci, the
# kernel's parameter (two ports of this machine were started with it), the override. And what it
# says of devices that are not PCI's, and what a recording does not tell.
#
# vm-topology: redirect
# vm-modules: peerbuf_core nvme
# vm-cmdline: pci=disable_acs_redir=0000:00:03.0;0000:00:04.0
# vm-needs: /usr/bin/setpci
. vm/tap.sh
set -u
PATH=$PATH:/peerbuf	# setpci
export PATH

check_status() { # A B
	peerbuf topo check "$1" "$2" >/tmp/check
	echo $?
}

# The commands that are printed, one a line.
commands() {
	sed -n 's/^       //p' /tmp/check
}

is "$(check_status "$A0_BDF" "$A1_BDF")" 3 "the port redirects: no route"
like "$(cat /tmp/check)" "$PORT1_BDF .* has RequestRedirect, CompletionRedirect set" "it is named"
is "$(check_status "$B0_BDF" "$B1_BDF")" 0 "with pci=disable_acs_redir= there is one"
is "$(check_status "$C0_BDF" "$C1_BDF")" 0 "and below the port after the semicolon, too"

check_status "$A0_BDF" "$A1_BDF" >/dev/null
is "$(commands | grep '^pci=')" "pci=disable_acs_redir=$PORT1_BDF" "the parameter is told"
setpci=$(commands | grep '^setpci')
is "$setpci" "setpci -s $PORT1_BDF ECAP_ACS+6.w=0:2c" "setpci's command is told"
before=$(setpci -s "$PORT1_BDF" ECAP_ACS+6.w)
sh -c "$setpci"
is "$(check_status "$A0_BDF" "$A1_BDF")" 0 "after it there is a route"
like "$(cat /tmp/check)" "by bus address" "by bus address"
is "$(setpci -s "$PORT1_BDF" ECAP_ACS+6.w)" "$(printf '%04x' $((0x$before & ~0x2c)))" \
	"other bits stay as they were"

is "$(check_status "$A0_BDF" "$B0_BDF")" 3 "apart: no route"
sh -c "$(commands | grep '^echo')"
is "$(check_status "$A0_BDF" "$B0_BDF")" 0 "the override lets the pair through"
check_status "$A0_BDF" "$C0_BDF" >/dev/null
sh -c "$(commands | grep '^echo')"
is "$(check_status "$A0_BDF" "$C0_BDF")" 0 "so does a second one"
is "$(check_status "$A0_BDF" "$B0_BDF")" 0 "which keeps the first"
like "$(peerbuf topo)" "Override \\(the kernel is tainted\\): $A0_BDF-$B0_BDF,$A0_BDF-$C0_BDF" \
	"the report tells"

is "$(peerbuf topo check nvme0 "$A0_BDF" 2>&1)" \
	"peerbuf: nvme0 is not a PCI device; the nearest above it is $SSD_BDF" \
	"a device of another kind is refused, with the one above it"
is "$(peerbuf topo check "$A0_BDF" /dev/nvme0 2>&1)" \
	"peerbuf: /dev/nvme0 is not a PCI device; the nearest above it is $SSD_BDF" "by its file, too"
is "$(peerbuf topo check /dev/null "$A0_BDF" 2>&1)" \
	"peerbuf: /dev/null is not a PCI device, and there is none above it" "one without any"
is "$(peerbuf topo check no-such-thing "$A0_BDF" 2>&1)" \
	'peerbuf: "no-such-thing" is not a PCI address such as 0000:01:00.0, nor any other device' \
	"and a word that means nothing"

peerbuf topo dump >/tmp/machine.json
! grep -q peerbuf-serial /tmp/machine.json
ok $? "a recording has no serial number"
peerbuf topo >/tmp/live
peerbuf topo --from /tmp/machine.json >/tmp/recorded
cmp /tmp/live /tmp/recorded
ok $? "the report from it is that of the machine"
sed 's/^/# /' /tmp/live
