#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Pairs that are excepted from the rules about routes: what is refused goes through the host
# bridge, the kernel is tainted and says why, everything else stays as it is.
#
# vm-topology: switch
# vm-modules: peerbuf_core
# vm-needs: build/tests/abi/route
. vm/tap.sh
set -u

parameter=/sys/module/peerbuf_core/parameters/route_override

# The kernel's verdict: route, reason, refused.
verdict() { # PROVIDER CLIENT
	exec 3<>/sys/kernel/debug/peerbuf/route
	printf '%s' "$1-$2" >&3
	read -r words <&3
	exec 3>&-
	set -- $words
	echo "$1 $2 $3"
}

route=build/tests/abi/route

tainted() {
	[ $(($(cat /proc/sys/kernel/tainted) & 64)) -ne 0 ]
}

refused="route=3 reason=5 refused=0"
allowed="route=2 reason=8 refused=5"
switched="route=1 reason=2 refused=0"

is "$(cat $parameter)" "" "there is no override at first"
is "$(verdict "$BAR_BDF" "$SSD_BDF")" "$refused" "a pair is refused"
is "$(verdict "$SWITCH_BAR_BDF" "$SWITCH_SSD_BDF")" "$switched" "another is below one switch"
is "$($route "$BAR_BDF" "$SSD_BDF")" "not-supported host-not-listed none -" "the library says the same"
is "$($route "$SWITCH_BAR_BDF" "$SWITCH_SSD_BDF")" "bus-address same-switch none $SWITCH_BDF" \
	"of both, and where they meet"
is "$($route "$BAR_BDF" "$BAR_BDF")" "Invalid argument" "of one device it says nothing"
is "$($route "$BAR_BDF" 0000:7f:00.0)" "No such device" "nor of one that is not there"
is "$($route "$BAR_BDF" nothing)" "Invalid argument" "nor of what is no device"
! printf nonsense 2>/dev/null >/sys/kernel/debug/peerbuf/route
ok $? "nor the kernel of what is no pair"
! tainted
ok $? "the kernel is not tainted"

for wrong in x "$BAR_BDF" "$BAR_BDF,$SSD_BDF" "$BAR_BDF-$BAR_BDF"; do
	! echo "$wrong" 2>/dev/null >$parameter
	ok $? "\"$wrong\" is no list of pairs"
done
! tainted
ok $? "and does not taint the kernel"

echo "$BAR_BDF-$SSD_BDF,$SWITCH_BAR_BDF-$SWITCH_SSD_BDF" >$parameter
is "$(cat $parameter)" "$BAR_BDF-$SSD_BDF,$SWITCH_BAR_BDF-$SWITCH_SSD_BDF" "the list can be read"
is "$(verdict "$BAR_BDF" "$SSD_BDF")" "$allowed" "the pair is let through"
is "$($route "$BAR_BDF" "$SSD_BDF")" "host-bridge override host-not-listed -" "as the library says, and why not"
is "$(verdict "$SSD_BDF" "$BAR_BDF")" "$allowed" "in the other direction, too"
is "$(verdict "$BAR2_BDF" "$SSD_BDF")" "$refused" "another pair with the same device is not"
is "$(verdict "$SWITCH_BAR_BDF" "$SWITCH_SSD_BDF")" "$switched" "what was not refused stays as it was"
tainted
ok $? "the kernel is tainted"
[ "$(dmesg | grep -c "route override: .* are said to reach each other")" = 2 ]
ok $? "the log names each pair"

echo "" >$parameter
is "$(cat $parameter)" "" "the list can be taken back"
is "$(verdict "$BAR_BDF" "$SSD_BDF")" "$refused" "then the pair is refused again"
tainted
ok $? "the taint stays"
