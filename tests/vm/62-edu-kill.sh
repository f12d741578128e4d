#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Processes that are killed with a thousand jobs queued: tests/edu/kill.c
#
# vm-topology: ssd-bar
# vm-kernel-config: CONFIG_DRM_SCHED
# vm-modules: peerbuf_core edu_copy peerbuf_fence
# vm-memory: 1G
# vm-timeout: 150
# vm-needs: build/tests/edu/kill
set -eu
exec build/tests/edu/kill
