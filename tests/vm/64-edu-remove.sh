#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The example driver is unbound and unloaded while it is in use: tests/edu/remove.c
#
# vm-topology: ssd-bar
# vm-kernel-config: CONFIG_DRM_SCHED
# vm-modules: peerbuf_core edu_copy peerbuf_fence
# vm-timeout: 120
# vm-needs: build/tests/edu/remove
set -eu
exec build/tests/edu/remove
