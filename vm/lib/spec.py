# SPDX-License-Identifier: GPL-2.0-or-later
"""What to run and in which machine: the command line over the test file's header."""

import argparse
import os
import re

from errors import Failure

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# Keys that a test file may set in a comment line "# vm-KEY: VALUE". A key given
# several times collects its values.
HEADER_KEYS = ("topology", "timeout", "modules", "modules-available", "needs",
               "memory", "cmdline", "set", "expect-log", "smp", "cpu", "packages",
               "kernel-config", "slow", "accel")
HEADER = re.compile(r"^(?:#|//|\s*\*)\s*vm-([a-z-]+):\s*(.*?)\s*$")
HEADER_LINES = 60


def read_header(path):
    """Returns {key: [values]} of the test file's "vm-" comments."""
    with open(path, "rb") as f:
        head = f.read(8192)
    found = {}
    if head.startswith(b"\x7fELF"):
        return found
    for line in head.decode("utf-8", "replace").splitlines()[:HEADER_LINES]:
        match = HEADER.match(line)
        if not match:
            continue
        key, value = match.groups()
        if key not in HEADER_KEYS:
            raise Failure(f"{path}: unknown header vm-{key}; known are "
                          + ", ".join("vm-" + k for k in HEADER_KEYS))
        found.setdefault(key, []).append(value)
    return found


def pair(text):
    """Splits NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def parser():
    p = argparse.ArgumentParser(
        prog="vm/run", description="Boot a kernel in a virtual machine and run one program in it.")
    p.add_argument("--topology", help="the machine's devices: a name in vm/topologies")
    p.add_argument("--set", action="append", default=[], type=pair, metavar="NAME=VALUE",
                   help="set a variable of the topology")
    p.add_argument("--kernel", default=os.environ.get("PEERBUF_KERNEL", "stock"),
                   help="a name that scripts/kernel list prints (default: %(default)s)")
    p.add_argument("--timeout", type=float, metavar="SECONDS",
                   help="limit for the whole run (default: 60)")
    p.add_argument("--memory", help="the machine's RAM, such as 1G (default: 512M)")
    p.add_argument("--accel", help="kvm, tcg or count instead of what this machine can do")
    p.add_argument("--modules", action="append", default=[],
                   help="more modules to load before the program starts")
    p.add_argument("--cmdline", action="append", default=[],
                   help="more words for the kernel command line")
    p.add_argument("--file", action="append", default=[], type=pair, metavar="HOST=GUEST",
                   help="copy a file of this machine into the guest")
    p.add_argument("--env", action="append", default=[], type=pair, metavar="NAME=VALUE",
                   help="set an environment variable of the program")
    p.add_argument("--kmemleak", action="store_true",
                   default=os.environ.get("PEERBUF_VM_KMEMLEAK", "") not in ("", "0"),
                   help="look for leaked memory at the end; needs a kernel with kmemleak, and time")
    p.add_argument("--workdir", help="where logs go (default: build/vm/NAME)")
    p.add_argument("--keep", action="store_true",
                   help="keep disk images and the initramfs too, and print where they are")
    p.add_argument("--shell", action="store_true",
                   help="give an interactive shell on the machine's console instead")
    p.add_argument("program", nargs="?", help="script or program to run in the guest")
    p.add_argument("arguments", nargs=argparse.REMAINDER)
    return p


class Spec:
    """Everything about one run that does not depend on this machine."""

    def __init__(self, argv):
        options = parser().parse_args(argv)
        if not options.program and not options.shell:
            raise Failure("which program? try vm/run --help")
        self.program = options.program
        if self.program and not os.path.isfile(self.program):
            raise Failure(f"there is no file {self.program}")
        header = read_header(self.program) if self.program else {}
        last = lambda key, default: header.get(key, [default])[-1]
        words = lambda key: " ".join(header.get(key, [])).split()

        self.arguments = options.arguments
        self.shell = options.shell
        self.keep = options.keep
        self.kernel = options.kernel
        self.topology = options.topology or last("topology", "plain")
        self.timeout = options.timeout or float(last("timeout", "60"))
        self.memory = options.memory or last("memory", "512M")
        self.smp = last("smp", "1")
        self.cpu = last("cpu", "")
        self.accel = options.accel or last("accel", None)
        self.modules = words("modules") + " ".join(options.modules).split()
        self.modules_available = words("modules-available")
        self.needs = words("needs")
        self.packages = words("packages")
        self.cmdline = words("cmdline") + " ".join(options.cmdline).split()
        self.slow = header.get("slow")
        self.expected_log = header.get("expect-log", [])
        self.kernel_config = words("kernel-config")
        self.kmemleak = options.kmemleak
        if self.kmemleak:
            self.cmdline.append("kmemleak=on")
            # The kernel's own leaks are counted there, too; Run.judge() tells them apart.
            self.expected_log = self.expected_log + [r"kmemleak: \d+ new suspected"]
        self.variables = dict(pair(s) for s in words("set"))
        self.variables.update(options.set)
        self.files = options.file
        self.environment = dict(options.env)
        self.name = self._name()
        self.workdir = os.path.abspath(options.workdir or self._workdir())

    def _name(self):
        if not self.program:
            return "shell"
        return os.path.splitext(os.path.basename(self.program))[0]

    def _workdir(self):
        name = self.name if self.kernel == "stock" else f"{self.name}@{self.kernel}"
        name += "+kmemleak" if self.kmemleak else ""
        return os.path.join(ROOT, "build", "vm", name)
