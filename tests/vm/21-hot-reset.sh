#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VFIO_DEVICE_PCI_HOT_RESET: two functions in one slot, which are reset together. Asked
# for by the exporter, or by its sibling, which is bound to plain vfio-pci and knows
# nothing of buffers; refused; and failing.
#
# vm-topology: triggers
# vm-timeout: 180
# vm-modules: vfio-pci vfio_iommu_type1 peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-modules: peerbuf_fail,func=pci_bridge_secondary_bus_reset
# vm-needs: vm/pair.sh vm/owner.sh build/tests/abi/owner
set -u
. vm/tap.sh
. vm/pair.sh
. vm/owner.sh

MIB=1048576
bind "$SSD_BDF" vfio-pci && bind "$FUNC0_BDF" vfio_pci_peerbuf && bind "$FUNC1_BDF" vfio-pci ||
	bail "devices cannot be bound"
watch_kernel
owner_pair "$FUNC0_BDF" $((2 * MIB)) $((2 * MIB)) "$FUNC1_BDF"
arrives "while the buffer is live a DMA arrives, so that this test can tell"

for who in self sibling; do
	importer query
	revokes=$(field revokes)
	paint
	watch_again
	exporter hot-reset $who all
	ok $? "a hot reset through the fd of: $who"
	gone_before bus_reset:
	ok $? "the mapping was gone before the bus was reset"
	is "$(state) $(counts)" "live yes $((revokes + 1)) $((revokes + 1))" \
		"it was revoked once, and is back"
	unchanged "the memory is as it was"
	nothing_arrives_during "a DMA during the hot reset changed nothing" hot-reset $who all
	arrives "after it a DMA arrives"
done

# refused --------------------------------------------------------------------------
before=$(counts)
watch_again
for who in self sibling; do
	if exporter hot-reset $who none; then _r=0; else _r=1; fi
	is "$_r $(state) $(counts) $(when bus_reset:)" "1 live yes $before " \
		"without the group's descriptor it is refused, and nothing happens: $who"
done

# memory off, and a hot reset --------------------------------------------------------
paint
exporter memory off
exporter hot-reset sibling all
is "$(state)" "revoked no" "a hot reset while memory decode is off does not bring access back"
stopped "a DMA is stopped by the IOMMU"
exporter memory on
is "$(state)" "live yes" "memory decode on does"
unchanged "nothing had arrived"
end_pair

# both functions export ------------------------------------------------------------
bind "$FUNC1_BDF" vfio_pci_peerbuf
owner_pair "$FUNC0_BDF" $((2 * MIB)) $((2 * MIB)) "$FUNC1_BDF"
exporter query-sibling
is "$(field state) $(field revokes)" "live 0" "the sibling exports, too"
paint
watch_again
exporter hot-reset self all
exporter query-sibling
is "$(field state) $(field revokes) $(field restores)" "live 1 1" \
	"a hot reset through one function revokes and restores the other's buffers as well"
is "$(state) $(counts)" "live yes 1 1" "like its own"

last_before_reset() { # the last "revoked" of any buffer, and the reset
	_last=$(sed -n 's/.* \([0-9]*\)\.\([0-9]*\): peerbuf_state: .* revoking -> revoked.*/\1\2/p' \
		$_tracing/trace | tail -n 1)
	[ "$(grep -c 'revoking -> revoked' $_tracing/trace)" = 2 ] &&
		[ "$_last" -lt "$(when bus_reset:)" ]
}
last_before_reset
ok $? "both were revoked before the bus was reset"

# a reset that fails ------------------------------------------------------------------
echo -25 >/sys/module/peerbuf_fail/parameters/ret
watch_again
if exporter hot-reset self all; then _r=0; else _r=1; fi
is $_r 1 "the reset fails, and its caller is told"
gone_before bus_reset:
ok $? "the mapping was gone all the same"
exporter query-sibling
is "$(field state) $(field revokes) $(field restores)" "live 2 2" \
	"the failure is undone for one function of the slot"
is "$(state) $(counts)" "live yes 2 2" "and for the other"
if exporter hot-reset sibling all; then _r=0; else _r=1; fi
is "$_r $(state) $(counts)" "1 live yes 3 3" "the same through the sibling"
echo 0 >/sys/module/peerbuf_fail/parameters/ret
unchanged "the memory is as it was"
arrives "and a DMA arrives"
end_pair
is "$(wc -l </sys/kernel/debug/peerbuf/buffers)" 0 "no buffer is left"
