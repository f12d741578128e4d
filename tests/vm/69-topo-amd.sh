#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The same as 65-topo.sh with another tree, on a processor that is known to route.
#
# Without ACPI's interrupt routing: for a further host bridge it takes the debug kernel a minute.
#
# vm-topology: random
# vm-cmdline: acpi=noirq
# vm-set: seed=32
# vm-cpu: vendor=AuthenticAMD,family=23
# vm-modules: peerbuf_core
# vm-modules-available: peerbuf_p2pdma peerbuf_config nvme
# vm-needs: /usr/bin/setpci tests/vm/65-topo.sh
# vm-timeout: 120
set -u
SEED=32 exec sh tests/vm/65-topo.sh
