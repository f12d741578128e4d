#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The unit tests in the kernel, tests/kunit: by KUnit where the kernel has it, by a runner of
# their own where it has not.
#
# The processor is one that is known to route between devices, and there is a switch: so
# there is a device for each kind of route.
#
# vm-topology: switch
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-timeout: 90
# vm-modules: peerbuf_core,raw_pal_allow=peerbuf_kunit,report_ms=100000
# vm-modules-available: peerbuf_kunit
# vm-needs: tests/kunit/suites.h
set -u
. vm/tap.sh

modprobe peerbuf_kunit provider="$SWITCH_BAR_BDF" neighbour="$SWITCH_SSD_BDF" stranger="$EDU_BDF" ||
	bail "the unit tests cannot be loaded"

# A suite's results: KTAP. Every case that it plans has to be there, and to be ok; none is
# skipped.
results=/sys/kernel/debug/kunit
for suite in $(sed -n 's/^extern struct kunit_suite \(.*\)_suite;/\1/p' tests/kunit/suites.h); do
	log=$results/peerbuf_$suite/results
	[ -e "$log" ] || { ok 1 "$suite: has run"; continue; }
	cases=$(sed -n 's/^ *1\.\.\([0-9]*\)$/\1/p' "$log" | tail -n 1)
	sed -n 's/^    \(not \)\{0,1\}ok [0-9]* /&/p' "$log" >/tmp/points
	while read -r line; do
		name=${line##* }
		case $line in
		*SKIP*) ok 1 "$suite: $line" ;;
		ok*) ok 0 "$suite: $name" ;;
		*) ok 1 "$suite: $name" ;;
		esac
	done </tmp/points
	grep -q '^    not ok' "$log" && diag "$(cat "$log")"
	[ "$(grep -c . /tmp/points)" = "$cases" ]
	ok $? "$suite: all of its $cases cases have run"
	grep -q "^ok 1 peerbuf_$suite" "$log"
	ok $? "$suite: passed"
done
rmmod peerbuf_kunit
ok $? "the tests can be unloaded: no buffer is left"
