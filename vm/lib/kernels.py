# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel made ready by scripts/kernel, and the modules to put into a guest."""

import lzma
import os
import re
import subprocess

from errors import Failure
from spec import ROOT

DEPENDS = re.compile(rb"(?:\A|\0)depends=([^\0]*)\0")


def plain(name):
    """The kernel takes - and _ in module names for the same."""
    return os.path.basename(name).split(".")[0].replace("-", "_")


class Kernel:
    def __init__(self, name):
        self.name = name
        found = subprocess.run([os.path.join(ROOT, "scripts", "kernel"), "path", name],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if found.returncode:
            raise Failure(found.stderr.strip())
        self.directory = found.stdout.strip()
        self.release = self._text("release")
        # Instrumented kernels are slow; a limit meant for the stock one is stretched.
        self.timeout_scale = float(self._text("timeout-scale", "1"))
        self.own_modules = os.path.join(ROOT, "build", "modules", name)
        self._index = None

    def _text(self, name, default=None):
        path = os.path.join(self.directory, name)
        if default is not None and not os.path.exists(path):
            return default
        with open(path, encoding="ascii") as f:
            return f.read().strip()

    def has_config(self, symbol):
        with open(os.path.join(self.directory, "config"), encoding="utf-8") as f:
            lines = f.read().split()
        return f"{symbol}=y" in lines or f"{symbol}=m" in lines

    def image(self):
        unpacked = os.path.join(self.directory, "vmlinux")
        return unpacked if os.path.exists(unpacked) else os.path.join(self.directory, "vmlinuz")

    def _find_modules(self):
        index = {}
        top = os.path.join(self.directory, "modules", "kernel")
        for base in (top, self.own_modules):  # our own come last and win
            for directory, _, names in os.walk(base):
                for name in names:
                    if re.search(r"\.ko(\.xz)?$", name):
                        index[plain(name)] = os.path.join(directory, name)
        return index

    def _builtin(self):
        path = os.path.join(self.directory, "modules", "modules.builtin")
        with open(path, encoding="ascii") as f:
            return {plain(line.strip()) for line in f}

    def _unpacked(self, path):
        if not path.endswith(".xz"):
            return path
        directory = os.path.join(self.directory, "ko")
        target = os.path.join(directory, os.path.basename(path)[:-3])
        if not os.path.exists(target):
            os.makedirs(directory, exist_ok=True)
            with lzma.open(path) as f:
                data = f.read()
            temporary = f"{target}.{os.getpid()}"
            with open(temporary, "wb") as f:
                f.write(data)
            os.rename(temporary, target)
        return target

    def modules(self, names):
        """Returns [(name, path, [names it needs])], each after what it needs."""
        if not names:
            return []
        if self._index is None:
            self._index = self._find_modules()
        ordered, seen, builtin = [], set(), self._builtin()

        def add(name, wanted_by):
            if name in seen or (name in builtin and name not in self._index):
                return
            seen.add(name)
            if name not in self._index:
                raise Failure(f"kernel {self.name} has no module {name}, wanted by {wanted_by}; "
                              "if it is peerbuf's own, run make modules")
            path = self._unpacked(self._index[name])
            with open(path, "rb") as f:
                match = DEPENDS.search(f.read())
            needs = [plain(n) for n in match.group(1).decode().split(",") if n] if match else []
            for need in needs:
                add(need, name)
            ordered.append((name, path, needs))

        for name in names:
            # Not every kernel has one whose name ends in a question mark.
            if not name.endswith("?") or plain(name[:-1]) in self._index:
                add(plain(name.rstrip("?")), "the test")
        return ordered
