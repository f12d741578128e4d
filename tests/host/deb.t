#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be told of the packages without building them: versions agree, and what they install
# is there. "make check-packages" builds and installs them.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" = "$(cat VERSION)" ]
ok $? "debian/changelog and VERSION are of one version"

sed -n 's/^obj-m += \(.*\)\.o$/\1/p' kernel/Kbuild | sort >"$work/built"
sed -n 's/^	*BUILT_MODULE_NAME\[[0-9]*\]="\(.*\)"/\1/p' debian/peerbuf-dkms.dkms | sort >"$work/shipped"
diff "$work/built" "$work/shipped" >"$work/diff"
ok $? "DKMS installs the modules that are built" "$work/diff"
[ "$(grep -c '^	*BUILT_MODULE_LOCATION\[.*="kernel"' debian/peerbuf-dkms.dkms)" -eq "$(wc -l <"$work/built")" ] &&
	[ "$(grep -c '^	*DEST_MODULE_LOCATION\[' debian/peerbuf-dkms.dkms)" -eq "$(wc -l <"$work/built")" ]
ok $? "and knows where each of them is"

# DKMS reads the file for each kernel.
expected() { # CONFIG...: is the module for iommufd to be built for such a kernel?
	printf '%s\n' "$@" >"$work/.config"
	(
		# shellcheck disable=SC2034 # the file's
		kernelver=none kernel_source_dir=$work
		. debian/peerbuf-dkms.dkms
		[[ " ${BUILT_MODULE_NAME[*]} " == *" peerbuf_iommufd "* ]]
	)
}
expected CONFIG_IOMMUFD=m CONFIG_VFIO_PCI_DMABUF=y CONFIG_DYNAMIC_FTRACE_WITH_ARGS=y &&
	! expected '# CONFIG_IOMMUFD is not set' CONFIG_VFIO_PCI_DMABUF=y CONFIG_DYNAMIC_FTRACE_WITH_ARGS=y &&
	! expected CONFIG_IOMMUFD=m CONFIG_DYNAMIC_FTRACE_WITH_ARGS=y
ok $? "it expects the module for iommufd of kernels for which there is one"

# Kernels by their release: those before 6.12 are excluded, and no others.
pattern=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"/\1/p' debian/peerbuf-dkms.dkms)
for release in 6.12.0-1 6.12.117+deb12-amd64 6.19.0 6.20.1 7.0.0-rc1 10.1.0; do
	[[ $release =~ $pattern ]] || echo "$release is excluded"
done >"$work/wrong"
for release in 5.10.0-30-amd64 6.1.0-99-amd64 6.11.9 6.2.0 4.19.0; do
	[[ ! $release =~ $pattern ]] || echo "$release is not excluded"
done >>"$work/wrong"
[ ! -s "$work/wrong" ]
ok $? "kernels from 6.12 on are in the range" "$work/wrong"

# The names in the list of packages to build with are in debian/control, too.
sed -n '/^Build-Depends:/,/^[^ ]/s/^ \([a-z0-9-]*\).*/\1/p' debian/control | grep '^lib' >"$work/depends"
while read -r name; do
	grep -q "^$name " scripts/packages.txt || echo "$name"
done <"$work/depends" >"$work/missing"
[ -s "$work/depends" ] && [ ! -s "$work/missing" ]
ok $? "what the packages are built with is what the tree is built with" "$work/missing"

plan
