# SPDX-License-Identifier: GPL-2.0-or-later
"""Chooses between KVM and software emulation.

That /dev/kvm opens and makes virtual machines does not mean that they run: in some nested
setups the guest never gets beyond its first instructions. So a kernel is booted once,
and the answer is remembered until this machine is booted anew.
"""

import os
import subprocess

from errors import Failure

# Nehalem is Intel, as the IOMMU is, and cheap to emulate; without rdrand the first user of
# random numbers would wait seconds for them.
TCG = ["-accel", "tcg,thread=multi", "-cpu", "Nehalem,+rdrand"]
KVM = ["-accel", "kvm", "-cpu", "host"]
# While the processor is busy, the guest's clock goes on by a nanosecond for each instruction.
COUNT = ["-accel", "tcg,thread=single", "-icount", "shift=0", "-cpu", "Nehalem,+rdrand"]
HOW = {"kvm": KVM, "tcg": TCG, "count": COUNT}
PROBE_SECONDS = 10


def cache_directory():
    base = os.environ.get("PEERBUF_CACHE")
    if base:
        return base
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "peerbuf")


def _boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        return f.read().strip()


def _probe(kernel):
    """True if a kernel boots under KVM as far as the search for its root file system."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot",
               "-machine", "q35", "-m", "256M", *KVM, "-kernel", kernel.image(),
               "-append", "console=ttyS0 panic=-1", "-serial", "stdio"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    return process.returncode == 0 and b"Unable to mount root fs" in output


def choose(kernel, cpu="", wanted=None):
    """Returns (a name of HOW, QEMU's options for it); cpu adds properties to the CPU."""
    wanted = wanted or os.environ.get("PEERBUF_VM_ACCEL", "auto")
    if wanted == "auto":
        wanted = _remembered(kernel)
    if wanted not in HOW:
        raise Failure(f"there is no accelerator {wanted!r}; there are auto, {', '.join(HOW)}")
    options = list(HOW[wanted])
    if cpu:
        options[-1] += "," + cpu
    return wanted, options


def _remembered(kernel):
    path = os.path.join(cache_directory(), "accel")
    boot = _boot_id()
    try:
        with open(path, encoding="ascii") as f:
            known, answer = f.read().split()
        if known == boot:
            return answer
    except (OSError, ValueError):
        pass
    answer = "kvm" if _probe(kernel) else "tcg"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"{boot} {answer}\n")
    return answer
