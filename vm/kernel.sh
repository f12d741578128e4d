# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# What a guest's kernel is, where what a test expects depends on it: . vm/kernel.sh

is_612() {
	case $(uname -r) in
	6.12.*) ;;
	*) return 1 ;;
	esac
}

# Do devices on vfio-pci export their BARs, too? From 6.19 on, if it was built so.
stock_vfio_exports() {
	grep -q ' vfio_pci_core_feature_dma_buf' /proc/kallsyms
}
