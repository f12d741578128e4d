# SPDX-License-Identifier: GPL-2.0-or-later
"""One running virtual machine: QEMU's command line, its channels, its end.

The guest has three virtio ports: its standard output, its standard error, and a line
protocol to the harness:

    guest to host           host to guest
    ended STATUS            -       the program has ended
    stuck TEXT              -       why a module could not be unloaded
    module NAME SIZE ADDR   -       where a module of ours was loaded
    leak TEXT               -       a line of kmemleak's report
    scanned                 -       the report is complete
    counts BASE64           -       which lines ran: an archive of what gcov reads
    exit                    -       about to power off
    qmp JSON                ok JSON, or error TEXT
    monitor WORDS           ok TEXT, or error TEXT
    event NAME [SECONDS]    ok JSON, or error TEXT
"""

import base64
import ctypes
import contextlib
import json
import os
import selectors
import shlex
import signal
import socket
import subprocess
import time

from errors import Failure

CHANNELS = ("out", "err", "host")
NOTES = ("ended", "stuck", "module", "leak", "scanned", "counts", "exit")
QMP_SECONDS = 20
WHERE_SECONDS = 30  # to say where all tasks are
END_SECONDS = 15  # between the program's end and the machine's
PR_SET_PDEATHSIG = 1

CMDLINE = ["console=ttyS0", "loglevel=5", "panic=-1", "intel_iommu=on", "mitigations=off",
           # Less to do before init: no self-tests of ciphers, no timing of the processor.
           "cryptomgr.notests", "random.trust_cpu=on", "no_timer_check", "tsc=reliable",
           # What a guest that hangs is told to do: say where each of its tasks is.
           "unknown_nmi_panic", "panic_print=1"]


def command_line(spec, kernel, topology, accel_options, initramfs, console, sockets):
    command = [
        "qemu-system-x86_64", "-name", spec.name, "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot",
        "-machine", "q35,kernel-irqchip=split,sata=off,usb=off,smbus=off",
        *accel_options, "-m", spec.memory, "-smp", spec.smp,
        "-kernel", kernel.image(), "-initrd", initramfs,
        "-append", " ".join(CMDLINE + spec.cmdline),
    ]
    # The IOMMU must come before the devices that it is to translate for.
    command += topology.options
    # The harness's own device sits where no topology puts one, and bypasses the IOMMU.
    command += ["-device", "virtio-serial-pci,id=peerbuf,bus=pcie.0,addr=1e.0,max_ports=4"]
    for channel in CHANNELS:
        command += ["-chardev", f"socket,id={channel},fd={sockets[channel].fileno()}",
                    "-device", f"virtserialport,bus=peerbuf.0,chardev={channel},name=peerbuf.{channel}"]
    command += ["-chardev", f"socket,id=qmp,fd={sockets['qmp'].fileno()}",
                "-mon", "chardev=qmp,mode=control"]
    if spec.shell:
        command += ["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={console}"]
    else:
        command += ["-chardev", f"file,id=console,path={console}"]
    return command + ["-serial", "chardev:console"]


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Lines:
    """Cuts what arrives into lines."""

    def __init__(self, take):
        self._take = take
        self._rest = b""

    def feed(self, data):
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line.decode("utf-8", "replace").rstrip("\r"))

    def end(self):
        if self._rest:
            self.feed(b"\n")


class Qmp:
    """QEMU's control socket; commands are run one after another."""

    def __init__(self, sock):
        self._socket = sock
        self._rest = b""
        self._events = []
        self._ready = False

    def _next(self, deadline):
        while b"\n" not in self._rest:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            data = self._socket.recv(65536)
            if not data:
                raise OSError("QEMU has ended")
            self._rest += data
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def _run(self, command, deadline):
        self._socket.sendall(json.dumps(command).encode() + b"\n")
        while True:
            reply = self._next(deadline)
            if "event" in reply:
                self._events.append(reply)
            elif "return" in reply or "error" in reply:
                return reply

    def run(self, command):
        """Returns the command's "return"; raises Failure if QEMU refuses."""
        deadline = time.monotonic() + QMP_SECONDS
        try:
            if not self._ready:
                self._run({"execute": "qmp_capabilities"}, deadline)
                self._ready = True
            reply = self._run(command, deadline)
        except (OSError, ValueError) as error:
            raise Failure(f"QEMU does not answer: {error}") from None
        if "error" in reply:
            raise Failure(reply["error"].get("desc", "QEMU refused"))
        return reply["return"]

    def event(self, name, seconds):
        deadline = time.monotonic() + seconds
        if not self._ready:
            self.run({"execute": "query-status"})
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    return event
            try:
                message = self._next(deadline)
            except (OSError, ValueError):
                raise Failure(f"no event {name} within {seconds:g} seconds") from None
            if "event" in message:
                self._events.append(message)


class Machine:
    def __init__(self, on_output, on_error):
        self._sockets = {}
        self._process = None
        self._on = {"out": on_output, "err": on_error}
        self._errors = []
        self.status = None      # of the guest's program
        self.tidy = False       # the guest has also done all that follows its program
        self.stuck = []         # modules that could not be unloaded
        self.places = []        # (first address, end, name) of modules
        self.leaks = None       # kmemleak's report, once it is complete
        self._leaks = []
        self.counts = None      # of lines that ran, an archive
        self.timed_out = False
        self.returncode = None  # of QEMU

    def start(self, build_command, log):
        theirs = {}
        for name in CHANNELS + ("qmp",):
            self._sockets[name], theirs[name] = socket.socketpair()
        command = build_command(theirs)
        with open(log, "w", encoding="utf-8") as f:
            f.write(shlex.join(command) + "\n")
        try:
            self._process = subprocess.Popen(
                command, stderr=subprocess.PIPE, preexec_fn=_die_with_parent,
                stdin=None if "stdio" in " ".join(command) else subprocess.DEVNULL,
                pass_fds=[s.fileno() for s in theirs.values()])
        except FileNotFoundError:
            raise Failure("qemu-system-x86_64 is missing: run scripts/setup") from None
        for s in theirs.values():
            s.close()
        self._qmp = Qmp(self._sockets["qmp"])

    def _request(self, line):
        word, _, rest = line.partition(" ")
        if word in NOTES:
            self._note(word, rest)
            return
        try:
            reply = "ok " + self._answer(word, rest)
        except (Failure, ValueError) as error:
            reply = "error " + str(error)
        one_line = reply.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n")
        self._sockets["host"].sendall(one_line.encode() + b"\n")

    def _note(self, word, rest):
        """Takes what needs no reply."""
        if word == "ended":
            self.status = int(rest)
        elif word == "stuck":
            self.stuck.append(rest)
        elif word == "module":
            name, size, address = rest.split()
            self.places.append((int(address, 16), int(address, 16) + int(size), name))
        elif word == "leak":
            self._leaks.append(rest)
        elif word == "scanned":
            self.leaks = self._leaks
        elif word == "counts":
            self.counts = base64.b64decode(rest)
        elif word == "exit":
            self.tidy = True
            self._deadline = min(self._deadline, time.monotonic() + END_SECONDS)

    def _answer(self, word, rest):
        if word == "qmp":
            return json.dumps(self._qmp.run(json.loads(rest)))
        if word == "monitor":
            return self._qmp.run({"execute": "human-monitor-command",
                                  "arguments": {"command-line": rest}}).rstrip()
        if word == "event":
            name, _, seconds = rest.partition(" ")
            return json.dumps(self._qmp.event(name, float(seconds or "10")))
        raise Failure(f"the harness knows no request {word!r}")

    def run(self, timeout):
        """Serves the guest until the machine has ended or the time is over."""
        self._deadline = time.monotonic() + timeout
        takers = {name: Lines(self._on[name]) for name in ("out", "err")}
        takers["host"] = Lines(self._request)
        takers["qemu"] = Lines(self._errors.append)
        selector = selectors.DefaultSelector()
        for name in CHANNELS:
            selector.register(self._sockets[name], selectors.EVENT_READ, name)
        selector.register(self._process.stderr, selectors.EVENT_READ, "qemu")
        while selector.get_map():
            left = self._deadline - time.monotonic()
            if left <= 0:
                self.timed_out = not self.tidy
                if self.timed_out:
                    self._ask_where()
                self._process.kill()
                break
            for key, _ in selector.select(left):
                data = self._read(key.fileobj)
                if data:
                    takers[key.data].feed(data)
                else:
                    selector.unregister(key.fileobj)
        self.returncode = self._process.wait()
        for taker in takers.values():
            taker.end()

    def _ask_where(self):
        """Makes the guest's kernel write its tasks' stacks to the console, as its last act."""
        with contextlib.suppress(Failure, subprocess.TimeoutExpired):
            self._qmp.run({"execute": "inject-nmi"})
            self._process.wait(WHERE_SECONDS)

    @staticmethod
    def _read(source):
        try:
            return os.read(source.fileno(), 65536)
        except ConnectionResetError:
            return b""

    def stop(self):
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def complaints(self):
        return [line for line in self._errors if line.strip()]
