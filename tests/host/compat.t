#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What kernel/compat says of kernels that it does not know, and of a broken build
# environment: the two must not be mistaken for each other.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=$(scripts/kernel path "${PEERBUF_KERNEL:-stock}")

# A copy of compat/ whose probes can be changed.
fresh() {
	rm -rf "$work/compat"
	cp -r kernel/compat "$work/compat"
	rm -rf "$work/compat/generated" "$work/compat/probes/build"
}

configure() { # KDIR
	"$work/compat/configure" "$1" "$work/compat/generated/peerbuf_compat.h" >"$work/out" 2>&1
}

fresh
configure "$kernel/build"
ok $? "this kernel is known" "$work/out"

[ "$(grep -c '^#define PEERBUF_HAVE_IMPORTER_CALLBACK_' "$work/compat/generated/peerbuf_compat.h")" -eq 1 ]
ok $? "its importer callback is one of those known" "$work/out"

fresh
cp "$work"/compat/probes/control.c "$work/compat/probes/import_ns-a.c"
echo '#define LENT 1' >"$work/compat/lend/import_ns-a.h"
echo 'LENT := y' >"$work/compat/lend/import_ns-a.mk"
echo 'LENT := n' >"$work/compat/lend/import_ns-string.mk"
configure "$kernel/build" &&
	grep -q IMPORT_NS_A "$work/compat/generated/peerbuf_compat.h" &&
	grep -q 'lend/import_ns-a.h' "$work/compat/generated/peerbuf_compat.h" &&
	[ "$(grep LENT "$work/compat/generated/peerbuf_compat.mk")" = 'LENT := y' ] &&
	! grep -qE 'IMPORT_NS_(IDENTIFIER|STRING)' "$work/compat/generated/peerbuf_compat.h"
ok $? "of several variants that fit the first by name counts, with what it lends" "$work/out"

mkdir -p "$work/empty"
fresh
! configure "$work/empty" && grep -q "no module can be compiled against $work/empty" "$work/out"
ok $? "a tree that is no kernel is said to be that, not to be an unknown kernel" "$work/out"

fresh
echo '#error no compiler' >>"$work/compat/probes/control.c"
! configure "$kernel/build" && grep -q "no module can be compiled" "$work/out"
ok $? "the positive control is checked first" "$work/out"

fresh
rm "$work"/compat/probes/importer_callback-*.c
cat >"$work/compat/probes/importer_callback-other.c" <<'END'
#include <linux/dma-buf.h>
const struct dma_buf_attach_ops probe_ops = { .no_such_member = 0 };
END
! configure "$kernel/build" &&
	grep -q "no known variant of: importer_callback; it is outside the supported range" "$work/out" &&
	[ "$(wc -l <"$work/out")" -eq 1 ]
ok $? "a feature without a known variant is an error of one line that names it" "$work/out"

[ ! -e "$work/compat/generated/peerbuf_compat.h" ]
ok $? "and leaves no header behind" "$work/out"

module=build/modules/${PEERBUF_KERNEL:-stock}/vfio_iommu_peerbuf.ko
if [ -r "$kernel/btf/vfio" ]; then
	kernel/compat/check-layout "$kernel/btf" "$module" >"$work/out" 2>&1
	ok $? "the private layouts agree with this kernel's" "$work/out"

	# A module that has another idea of the structure.
	cat >"$work/wrong.c" <<'END'
enum vfio_group_type { VFIO_IOMMU, VFIO_EMULATED_IOMMU, VFIO_NO_IOMMU } type;
struct vfio_iommu_driver_ops { char *name; long more; } ops;
END
	gcc -g -c -o "$work/wrong.o" "$work/wrong.c"
	! kernel/compat/check-layout "$kernel/btf" "$work/wrong.o" >"$work/out" 2>&1 &&
		grep -q "this kernel's vfio_iommu_driver_ops is not the one" "$work/out"
	ok $? "a module built from stale declarations is refused" "$work/out"
else
	skip "private layouts" "this kernel has no type information"
	skip "stale declarations" "this kernel has no type information"
fi

kernel/compat/check-layout "$work/empty" "$module" >"$work/out" 2>&1 &&
	grep -q "not checked" "$work/out"
ok $? "without type information the check says that it was left out" "$work/out"

plan
