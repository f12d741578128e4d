# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds a guest's file system: a cpio archive in the kernel's "newc" format."""

import glob
import os
import shlex
import stat
import subprocess

from errors import Failure, Skip
from spec import ROOT

HOME = "peerbuf"  # where the guest has its copy of this tree
BUSYBOX = "/bin/busybox"
DIRECTORIES = ("dev", "proc", "sys", "tmp", "run", "root", "etc", "bin", "sbin", "usr/bin",
               "usr/sbin", "lib/modules", HOME)


class Archive:
    def __init__(self):
        self._entries = {}
        for directory in DIRECTORIES:
            self.directory(directory)
        # Without it init would have no standard output before it has mounted /dev.
        self._entries["dev/console"] = (stat.S_IFCHR | 0o600, b"", (5, 1))

    def directory(self, path):
        parts = path.strip("/").split("/")
        for i in range(1, len(parts) + 1):
            self._entries.setdefault("/".join(parts[:i]), (stat.S_IFDIR | 0o755, b"", (0, 0)))

    def data(self, path, data, mode=0o644):
        path = path.strip("/")
        if "/" in path:
            self.directory(os.path.dirname(path))
        self._entries[path] = (stat.S_IFREG | mode, data, (0, 0))

    def link(self, path, target):
        path = path.strip("/")
        self.directory(os.path.dirname(path))
        self._entries[path] = (stat.S_IFLNK | 0o777, target.encode(), (0, 0))

    def file(self, path, source):
        try:
            with open(source, "rb") as f:
                self.data(path, f.read(), stat.S_IMODE(os.fstat(f.fileno()).st_mode) | 0o444)
        except OSError as error:
            raise Failure(f"{source} cannot go into the guest: {error.strerror}") from None

    def has(self, path):
        return path.strip("/") in self._entries

    def write(self, path):
        with open(path, "wb") as out:
            for number, name in enumerate(self._entries, 1):
                _write_entry(out, number, name, *self._entries[name])
            _write_entry(out, 0, "TRAILER!!!", 0, b"", (0, 0))


def _write_entry(out, number, name, mode, data, device):
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
    out.write(head + b"\0" * (-len(head) % 4))
    out.write(data + b"\0" * (-len(data) % 4))


def add_busybox(archive):
    if not os.path.exists(BUSYBOX):
        raise Failure(f"{BUSYBOX} is missing: run scripts/setup")
    archive.file("bin/busybox", BUSYBOX)
    applets = subprocess.run([BUSYBOX, "--list-full"], stdout=subprocess.PIPE, text=True,
                             check=True).stdout.split()
    for applet in applets:
        if not archive.has(applet):
            archive.link(applet, "/bin/busybox")


def libraries_of(program, beside):
    """Returns (libraries, lacking) that a program is linked to, without those beside it."""
    with open(program, "rb") as f:
        if f.read(4) != b"\x7fELF":
            return [], []
    listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                            text=True, env=dict(os.environ, LD_LIBRARY_PATH=beside))
    if listed.returncode:
        return [], []  # statically linked
    lines = [line.split() for line in listed.stdout.splitlines()]
    paths = [next((w for w in line if w.startswith("/")), None) for line in lines]
    return ([p for p in paths if p and not p.startswith(beside)],
            [line[0] for line in lines if "not" in line and "found" in line])


def add_libraries(archive, program):
    """Adds the shared libraries that a program of this machine is linked to."""
    libraries, lacking = libraries_of(program, os.path.join(ROOT, "build", "lib"))
    if lacking:
        raise Failure(f"{program} needs {lacking[0]}, which is not on this machine")
    for path in libraries:
        if not archive.has(path):
            archive.file(path, path)


def add_packages(archive, name):
    """Adds the programs and libraries of a set of Debian packages, where they belong.

    A package may have programs that need more than the set has; those are left out.
    """
    fetch = subprocess.run([os.path.join(ROOT, "scripts", "guest-packages"), name],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if fetch.returncode:
        raise Skip(fetch.stderr.strip().replace("\n", "; "))
    root = fetch.stdout.strip()
    beside = os.path.join(root, "usr/lib/x86_64-linux-gnu")
    for top in ("usr/bin", "usr/sbin", "usr/lib", "bin", "lib", "etc"):
        for directory, _, files in os.walk(os.path.join(root, top)):
            for file in files:
                path = os.path.join(directory, file)
                target = os.path.relpath(path, root)
                if os.path.islink(path):
                    archive.link(target, os.readlink(path))
                    continue
                libraries, lacking = libraries_of(path, beside)
                if lacking or path.endswith((".a", ".pc")):
                    continue
                archive.file(target, path)
                for library in libraries:
                    if not archive.has(library):
                        archive.file(library, library)


def guest_path(path):
    """Where a file of this machine goes: the same place in the guest's copy of the tree."""
    real = os.path.abspath(path)
    inside = os.path.relpath(real, ROOT)
    return os.path.join(HOME, os.path.basename(real) if inside.startswith("..") else inside)


def add_needed(archive, path, target=None):
    target = (target or guest_path(path)).strip("/")
    archive.file(target, path)
    add_libraries(archive, path)


def add_tree(archive, spec, kernel):
    """Adds the program, what it says it needs, and everything of ours that is built."""
    # What was built with the address sanitizer names its own libraries under "needs".
    patterns = [os.path.join(ROOT, "build", p) for p in ("bin/*", "lib/*.so*")]
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            if os.path.isfile(path):
                add_needed(archive, path)
    for name in ("tap.sh", "host-do"):
        archive.file(f"{HOME}/vm/{name}", os.path.join(ROOT, "vm", name))
    for need in spec.needs:
        need = need.replace("${image}", kernel.image())
        paths = sorted(glob.glob(os.path.join(ROOT, need)))
        if not paths:
            raise Failure(f"{need}, which {spec.program} needs, does not exist: run make")
        for path in paths:
            add_needed(archive, path)
    for host, guest in spec.files:
        add_needed(archive, host, guest)
    if spec.program:
        add_needed(archive, spec.program)


def _parameters(words):
    """As insmod takes them; a word without a name belongs to the list before it."""
    return "".join(
        (" " if "=" in word else ",") + word for word in words).strip()


def add_modules(archive, kernel, spec):
    base = f"lib/modules/{kernel.release}"
    archive.directory(base)
    load = [m.split(",") for m in spec.modules]
    parameters = {m[0].replace("-", "_"): _parameters(m[1:]) for m in load}
    loaded = kernel.modules([m[0] for m in load])
    available = kernel.modules([m[0] for m in load] + spec.modules_available)
    needs = {name: [n for n in need] for name, _, need in available}
    for name, path, _ in available:
        archive.file(f"{base}/{name}.ko", path)
    present = [n for n in needs]
    archive.data(f"{base}/modules.dep", "".join(
        f"{n}.ko:" + "".join(f" {d}.ko" for d in reversed(_closure(n, needs))) + "\n"
        for n in present).encode())
    for name in ("modules.alias", "modules.symbols"):
        archive.data(f"{base}/{name}", b"")
    own = [name for name, path, _ in loaded if path.startswith(kernel.own_modules)]
    spec.own_modules = own
    archive.data("vm/own-modules", "".join(f"{name}\n" for name in reversed(own)).encode())
    archive.data("vm/modules", "".join(
        f"/{base}/{name}.ko {parameters.get(name, '')}".rstrip() + "\n"
        for name, _, _ in loaded).encode())


def _closure(name, needs):
    """All that a module needs, each after what it needs itself."""
    found = []
    for need in needs.get(name, []):
        if need not in needs:
            continue  # built into the kernel
        for n in _closure(need, needs) + [need]:
            if n not in found:
                found.append(n)
    return found


def build(path, spec, kernel, topology, accel):
    archive = Archive()
    add_busybox(archive)
    archive.file("init", os.path.join(ROOT, "vm", "init"))
    archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.data("etc/group", b"root:x:0:\n")
    add_tree(archive, spec, kernel)
    for name in spec.packages:
        add_packages(archive, name)
    add_modules(archive, kernel, spec)
    environment = {"VM_TOPOLOGY": topology.name, "VM_KERNEL": kernel.name, "VM_ACCEL": accel}
    if spec.kmemleak:
        environment["VM_KMEMLEAK"] = "yes"
    environment.update(topology.environment())
    environment.update(spec.environment)
    archive.data("vm/env", "".join(
        f"export {k}={shlex.quote(v)}\n" for k, v in environment.items()).encode())
    archive.data("vm/command", (shlex.join(_command(spec)) + "\n").encode())
    archive.write(path)


def _command(spec):
    if not spec.program:
        return ["sh"]
    guest = "/" + guest_path(spec.program)
    return (["sh"] if guest.endswith(".sh") else []) + [guest] + spec.arguments
