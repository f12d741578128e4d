#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the jobs of the example driver wait for: tests/edu/fences.c
#
# vm-topology: ssd-bar
# vm-kernel-config: CONFIG_DRM_SCHED
# vm-modules: peerbuf_core edu_copy peerbuf_fence
# vm-timeout: 150
# vm-needs: build/tests/edu/fences
set -eu
exec build/tests/edu/fences
