#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The description for syzkaller has every ioctl of the header, with structures of the same
# size. peerbuf.txt.const has the same numbers as the header.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh
text=tests/fuzz/syzkaller/peerbuf.txt
const=$text.const
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# What the description says of a structure's size: the sum of its fields.
size_of() { # NAME
	awk -v name="$1" '$1 == name && $2 == "{" { inside = 1; next }
		inside && /^}/ { print sum; exit }
		inside { bytes = /int64|vma64/ ? 8 : 4
			if (/array\[.*, 8\]/) bytes = 64
			sum += bytes }' $text
}

compile() { # what it prints
	cat >"$work/c.c" && gcc -D_GNU_SOURCE -Iinclude/uapi -o "$work/c" "$work/c.c" && "$work/c"
}

tests/failnth/list . | sed -n 's/.*{ "\(PEERBUF_[A-Z_]*\)".*/\1/p' | sort -u >"$work/header"
grep -o 'cmd const\[PEERBUF_[A-Z_]*' $text | sed 's/.*\[//' | sort -u >"$work/described"
diff "$work/header" "$work/described" >"$work/diff"
ok $? "every ioctl is described, and no other" "$work/diff"

for pair in revoke:peerbuf_device_revoke_buffer device_query:peerbuf_device_query_buffer \
	caching:peerbuf_device_set_caching ram_create:peerbuf_ram_create info:peerbuf_iommu_info map:peerbuf_iommu_map_buffer \
	unmap:peerbuf_iommu_unmap_buffer query:peerbuf_iommu_query_buffer; do
	size=$(echo "#include <stdio.h>
#include <linux/peerbuf.h>
int main(void) { printf(\"%zu\", sizeof(struct ${pair#*:})); return 0; }" | compile)
	[ "$size" = "$(size_of "pb_${pair%:*}")" ]
	ok $? "struct ${pair#*:} has $size bytes"
done

{
	echo '#include <stdio.h>
#include <fcntl.h>
#include <linux/peerbuf.h>
#define VFIO_DEVICE_FEATURE_GET_DMA_BUF	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)
int main(void) {'
	# AT_FDCWD is unsigned there, and of the width of a pointer.
	grep -oE '\b(PEERBUF_[A-Z_]+|VFIO_[A-Z_]+|O_[A-Z]+|AT_FDCWD)\b' $text | grep -v '_$' | sort -u |
		sed 's/.*/printf("& = %lu\\n", (unsigned long)(&));/'
	echo 'return 0; }'
} | compile | sort >"$work/values"
grep -v -e '^#' -e '^arches' $const | sort >"$work/const"
diff "$work/values" "$work/const" >"$work/diff"
ok $? "the constants are the header's" "$work/diff"
plan
