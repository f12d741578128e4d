#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""peerbuf top on a terminal of its own, which is read as a person would."""

import fcntl
import os
import pathlib
import pty
import re
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
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.environ.update(PEERBUF_FAKE_ROOT=str(root), PEERBUF_SYSFS=str(root / "sys"), TERM=term)
        os.execv(BUILD / "bin/peerbuf", ["peerbuf", "top"])
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


class Screen:
    """What somebody in front of a VT100 sees."""

    def __init__(self, fd, rows=24, columns=130):
        self.fd, self.rows, self.columns = fd, rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.y = self.x = 0
        self.text = ""

    def lines(self):
        return ["".join(row).rstrip() for row in self.cells]

    def until(self, regex, seconds=60):
        """The line that has it, with single blanks, or "" if none comes."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.lines():
                if re.search(regex, line):
                    return re.sub(" +", " ", line).strip()
            if select.select([self.fd], [], [], 1)[0]:
                self.text += os.read(self.fd, 65536).decode(errors="replace").replace("\0", "")
                self.take()
        return ""

    def take(self):
        part = re.compile(r"\x1b\[[?]?([0-9;]*)([A-Za-z])|\x1b[()].|\x1b[=>78HDM]|[^\x1b]")
        while found := part.match(self.text):
            self.text = self.text[found.end():]
            if found.group(2):
                self.control(found.group(2), [int(n or 0) for n in found.group(1).split(";")])
            elif len(found.group()) == 1:
                self.put(found.group())

    def put(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\n":
            self.y = min(self.y + 1, self.rows - 1)
        elif char == "\b":
            self.x = max(self.x - 1, 0)
        elif char == "\t":
            self.x = self.x // 8 * 8 + 8
        elif char >= " " and self.x < self.columns:
            self.cells[self.y][self.x] = char
            self.x += 1

    def control(self, what, numbers):
        n = max(numbers[0], 1)
        row = self.cells[self.y]
        if what == "H":
            self.y, self.x = n - 1, (numbers[1] if len(numbers) > 1 and numbers[1] else 1) - 1
        elif what in "AB":
            self.y += n if what == "B" else -n
        elif what in "CD":
            self.x += n if what == "C" else -n
        elif what == "K" and numbers[0] == 1:
            row[:self.x + 1] = [" "] * (self.x + 1)
        elif what in "JK":
            row[self.x:] = [" "] * (self.columns - self.x)
            for row in self.cells[self.y + 1:] if what == "J" else []:
                row[:] = [" "] * self.columns


def test_screen(root):
    """Columns and orders, as they stand on the screen."""
    machine(root, [(1, 1 << 20, "live"), (2, 1 << 30, "revoked"), (3, 4096, "live")])
    pid, fd = start(root, term="vt100", columns=130)
    screen = Screen(fd)
    screen.until("now by number")

    def rows():
        return [re.sub(" +", " ", line).strip() for line in screen.lines()[2:6]]

    titles = "INODE ID EXPORTER SIZE STATE REVOKES IMPORTERS HOLDERS"
    small, large, tiny = (
        f"{100 + n} {n} vfio_pci_peerbuf {size} {state} {n} 0000:0{n}:00.0(iommu) -"
        for n, size, state in ((1, "1M", "live"), (2, "1G", "revoked"), (3, "4K", "live")))
    point(rows() == [titles, small, large, tiny], "by number", rows())
    point("3 buffers, 1049604K: 2 live, 1 without access, 0 of other drivers" in screen.lines()[0],
          "the totals", screen.lines()[0])
    os.write(fd, b"s")
    screen.until("now by size")
    point(rows() == [titles, large, small, tiny], "the largest first", rows())
    os.write(fd, b"s")
    screen.until("now by revokes")
    point(rows() == [titles, tiny, large, small], "what was revoked most often first", rows())
    point(screen.until('"importer":"0000:01:00.0"') != "", "all about the one that is selected",
          screen.lines())
    os.write(fd, b"\x1bOA")
    point(screen.until('"importer":"0000:02:00.0"') != "", "and about the one above it",
          screen.lines())

    # A list that makes no sense: what is wrong is said when the screen is given back.
    (root / "sys/kernel/debug/peerbuf/buffers").write_text("nonsense\n")
    seen = read_until(fd, "key=value words")
    point("line 1 of " in seen and os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1,
          "a list that cannot be read any more", seen)


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

        test_screen(root)
        machine(root, [(1, 1 << 20, "live")])
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
