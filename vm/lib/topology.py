# SPDX-License-Identifier: GPL-2.0-or-later
"""Named sets of devices: reads vm/topologies/NAME.conf.

A line of such a file is one of

    set NAME VALUE         a variable, unless it has a value already
    file NAME PATH SIZE    a variable that names a sparse file, made if it is absent
    role NAME BDF          tells the guest where a device is: NAME_BDF=BDF
    include NAME           another topology's lines
    generate PROGRAM ARGS  the lines that a program beside the topologies prints
    OPTION ARGUMENTS       an option of QEMU without its dash

and ${NAME} stands for a variable's value. A topology that includes another can set the
other's variables before the include, because the first value wins.
"""

import os
import re
import subprocess

from errors import Failure
from spec import ROOT

DIRECTORY = os.path.join(ROOT, "vm", "topologies")
SIZE = re.compile(r"^(\d+)([KMGT]?)$")
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def size_in_bytes(text):
    match = SIZE.match(text)
    if not match:
        raise Failure(f"{text!r} is not a size such as 64M or 1G")
    return int(match.group(1)) << UNITS[match.group(2)]


class Topology:
    """The devices of one run: QEMU options, roles and the files behind them."""

    def __init__(self, name, workdir, variables):
        self.name = name
        self.workdir = workdir
        self.variables = dict(variables, workdir=workdir)
        self.options = []
        self.roles = {}
        self.made = []  # files to remove after the run
        self._given = set(variables)
        self._read(name)
        unknown = [v for v in self._given if v not in self._known]
        if unknown:
            raise Failure(f"topology {name} has no variable {unknown[0]}; it has "
                          + (", ".join(sorted(self._known)) or "none"))

    def _read(self, name, depth=0):
        if depth == 0:
            self._known = set()
        path = os.path.join(DIRECTORY, name + ".conf")
        if not os.path.exists(path):
            names = sorted(n[:-5] for n in os.listdir(DIRECTORY) if n.endswith(".conf"))
            raise Failure(f"there is no topology {name}; there are " + ", ".join(names))
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.split("#", 1)[0].strip()
                if line:
                    self._line(line, f"{name}.conf:{number}", depth)

    def _expand(self, text, where):
        def value(match):
            try:
                return self.variables[match.group(1)]
            except KeyError:
                raise Failure(f"{where}: no variable {match.group(1)}") from None
        return re.sub(r"\$\{(\w+)\}", value, text)

    def _line(self, line, where, depth):
        word, _, rest = line.partition(" ")
        words = self._expand(rest, where).split()
        if word == "include":
            self._read(words[0], depth + 1)
        elif word == "generate":
            self._generate(words, where, depth)
        elif word == "set":
            self._known.add(words[0])
            self.variables.setdefault(words[0], words[1])
        elif word == "file":
            self._file(*words)
        elif word == "role":
            self.roles[words[0]] = words[1]
        else:
            self.options += ["-" + word] + ([" ".join(words)] if words else [])

    def _generate(self, words, where, depth):
        program = os.path.join(DIRECTORY, words[0])
        try:
            done = subprocess.run([program, *words[1:]], capture_output=True, text=True,
                                  check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failure(f"{where}: {words[0]} failed: "
                          + (getattr(error, "stderr", None) or str(error))) from None
        for number, line in enumerate(done.stdout.splitlines(), 1):
            self._line(line, f"{where}: line {number} of {words[0]}", depth)

    def _file(self, name, path, size):
        self._known.add(name)
        mine = name not in self.variables
        path = self.variables.setdefault(name, os.path.join(self.workdir, path))
        if mine and os.path.exists(path):
            os.unlink(path)  # of an earlier run; each run starts with zeros
        if not os.path.exists(path):
            with open(path, "wb") as f:
                f.truncate(size_in_bytes(size))
        if mine:
            self.made.append(path)

    def environment(self):
        return {role + "_BDF": bdf for role, bdf in self.roles.items()}
