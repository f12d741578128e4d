#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""peerbuf top on a terminal of its own, which is read as a person would."""

import fcntl
import os
import pathlib
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

BUILD = pathlib.Path(__file__).resolve().parents[2]
COUNT = 0


def point(good, name, more=""):
    global COUNT
    COUNT += 1
    print(f"{'ok' if good else 'not ok'} {COUNT} - {name}")
    if not good:
        for line in str(more).splitlines():
            print(f"# {line!r}")
    return good


def machine(root, buffers):
    """A machine made of files, with these buffers."""
    debug = root / "sys/kernel/debug"
    (root / "proc/12/fd").mkdir(parents=True, exist_ok=True)
    (debug / "peerbuf").mkdir(parents=True, exist_ok=True)
    (debug / "dma_buf").mkdir(parents=True, exist_ok=True)
    (debug / "dma_buf/bufinfo").write_text("")
    (debug / "peerbuf/foreign").write_text("")
    (debug / "peerbuf/buffers").write_text("".join(
        f"id={n} ino={100 + n} exporter=vfio_pci_peerbuf size={size:#x} state={state} "
        f"attachments=0 revokes={n} restores=0 waiting={int(state == 'revoking')}\n"
        f"\ttype=iommu importer=0000:0{n}:00.0 iova=0x{n}000000\n"
        for n, size, state in buffers))


def start(root, term="xterm", rows=24, columns=100):
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(PEERBUF_FAKE_ROOT=str(root), PEERBUF_SYSFS=str(root / "sys"), TERM=term)
        os.execv(BUILD / "bin/peerbuf", ["peerbuf", "top"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return pid, fd


def read_until(fd, text, seconds=60):
    """What was written until @text, or all of it."""
    seen, end = b"", time.monotonic() + seconds
    while text.encode() not in seen and time.monotonic() < end:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
    return seen.decode(errors="replace")


def main():
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        machine(root, [(1, 1 << 20, "live"), (2, 1 << 30, "revoking")])
        pid, fd = start(root)
        seen = read_until(fd, "now by number")
        point("2 buffers" in seen and "1 live" in seen, "how many there are", seen)
        point("being waited for" in seen, "who is being waited for", seen)
        point("0000:01:00.0(iommu)" in seen, "who is attached", seen)
        point("\x1b[32m" in seen, "live is green", seen)

        machine(root, [(1, 1 << 20, "dead"), (2, 1 << 30, "live")])
        seen = read_until(fd, "dead")
        point("dead" in seen, "a change is seen", seen)

        os.write(fd, b"s")
        seen = read_until(fd, "size")
        point("size" in seen, "another order", seen)
        os.write(fd, b"\x1b[B")
        os.write(fd, b"q")
        read_until(fd, "\x1b[?1049l")
        point(os.waitpid(pid, 0)[1] == 0, "q ends it")

        pid, fd = start(root)
        read_until(fd, "now by number")
        os.kill(pid, signal.SIGTERM)
        seen = read_until(fd, "\x1b[?1049l")
        point("\x1b[?1049l" in seen and os.waitpid(pid, 0)[1] == 0,
              "a signal ends it, and gives the terminal back", seen)

        pid, fd = start(root, term="nonesuch")
        seen = read_until(fd, "is TERM right?")
        point("this terminal, nonesuch, is not known; is TERM right?" in seen and
              os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1,
              "a terminal that nobody knows", seen)

    # Colours are for terminals only.
    env = dict(os.environ, PEERBUF_FAKE_ROOT=str(root), TERM="xterm")
    out = subprocess.run([BUILD / "bin/peerbuf", "doctor"], env=env, capture_output=True,
                         check=False).stdout
    point(b"\x1b" not in out, "no colours in a pipe", out)
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(BUILD / "bin/peerbuf", ["peerbuf", "doctor"], env)
    seen = read_until(fd, "ready.")
    os.waitpid(pid, 0)
    point("\x1b[31mproblem\x1b[0m" in seen, "but on a terminal", seen)
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(BUILD / "bin/peerbuf", ["peerbuf", "doctor"], dict(env, NO_COLOR="1"))
    seen = read_until(fd, "ready.")
    os.waitpid(pid, 0)
    point("\x1b" not in seen, "unless nobody wants them", seen)
    print(f"1..{COUNT}")


sys.exit(main())
