#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The machine boots and the harness's channels work.
#
# vm-topology: plain
# vm-timeout: 60
. vm/tap.sh

is "$(cut -d" " -f1-3 /proc/version)" "Linux version $(uname -r)" "the kernel says its version"
is "$VM_TOPOLOGY" plain "the topology's name is in the environment"
is "$PWD" /peerbuf "the program starts in the guest's copy of the tree"
[ -d /sys/class/iommu/dmar0 ]
ok $? "there is an IOMMU"
[ -d /sys/kernel/debug/dma_buf ]
ok $? "debugfs is mounted"
like "$(host-do qmp '{"execute": "query-status"}')" '"running"' "the guest can ask the harness for a QMP command"
like "$(host-do monitor info version)" '^[0-9]+\.[0-9]+' "the guest can ask for a command of the monitor"
host-do qmp '{"execute": "no-such-command"}' 2>/tmp/refusal
is $? 1 "what QEMU refuses fails in the guest"
like "$(cat /tmp/refusal)" 'no-such-command' "QEMU's reason reaches the guest"
skip "a skipped point" "this shows that skipping works"
