# SPDX-License-Identifier: GPL-2.0-or-later
"""The course of one run: prepare, boot, follow, judge."""

import contextlib
import fcntl
import os
import signal
import sys
import time

import accel
import initramfs
import klog
import machine
from errors import Failure, Skip
from kernels import Kernel
from spec import ROOT, Spec
from tap import Tap
from topology import Topology

TAIL = 30  # lines of the console to show when a run ends badly
TIMED_OUT = 124
KMEMLEAK_SCALE = 4  # each allocation is registered, with its backtrace


def tail(text, count=TAIL):
    return [line for line in text.replace("\r", "").split("\n") if line.strip()][-count:]


# How often a machine is started, if it is the emulator that fails.
ATTEMPTS = 3


class Run:
    def __init__(self, spec):
        self.spec = spec
        os.makedirs(spec.workdir, exist_ok=True)
        self._lock()
        self.kernel = Kernel(spec.kernel)
        self.topology = Topology(spec.topology, spec.workdir, spec.variables)
        self.machine = None
        self.timeout = spec.timeout * self.kernel.timeout_scale
        if spec.kmemleak:
            self._check_kmemleak()
            self.timeout *= KMEMLEAK_SCALE
        self.tap = Tap(self._emit)
        self._result = open(self._path("result.tap"), "w", encoding="utf-8")
        self._stderr = open(self._path("stderr.log"), "w", encoding="utf-8")

    def _check_kmemleak(self):
        if not self.kernel.has_config("CONFIG_DEBUG_KMEMLEAK"):
            raise Failure(f"kernel {self.kernel.name} has no kmemleak: "
                          "take one that has, such as --kernel debug")

    def _path(self, name):
        return os.path.join(self.spec.workdir, name)

    def _lock(self):
        self._lockfile = open(self._path(".lock"), "w", encoding="ascii")
        try:
            fcntl.flock(self._lockfile, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(f"{self.spec.workdir} is in use by another vm/run: "
                          "wait for it, or choose another --workdir") from None

    def _emit(self, line):
        print(line, flush=True)
        print(line, file=self._result, flush=True)

    def _output(self, line):
        self.tap.line(line)

    def _error(self, line):
        print(line, file=sys.stderr, flush=True)
        print(line, file=self._stderr, flush=True)

    def go(self):
        image, console = self._path("initramfs.cpio"), self._path("console.log")
        name, options = accel.choose(self.kernel, self.spec.cpu, self.spec.accel)
        if self.spec.shell:
            self.spec.environment["VM_SHELL"] = "yes"
            self.timeout = 7 * 24 * 3600
        start = time.monotonic()
        try:
            log = self._boots(image, console, name, options)
        finally:
            self._tidy(image)
        if self.machine.counts:
            with open(self._path("counts.tar.gz"), "wb") as f:
                f.write(self.machine.counts)
        self.seconds = time.monotonic() - start
        return log

    def _boots(self, image, console, name, options):
        """Boots until it is not the emulator that fails; returns the kernel log."""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._error("vm/run: the emulated machine died before anything was tested; "
                            "it is started again")
            log = self._boot(image, console, name, options)
            if self.tap.points or self.machine.status is not None or not klog.broken_emulation(log):
                break
        return log

    def _boot(self, image, console, name, options):
        """Runs one machine to its end; returns its kernel log."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(console)
        self.machine = machine.Machine(self._output, self._error)
        try:
            initramfs.build(image, self.spec, self.kernel, self.topology, name)
            self.machine.start(
                lambda sockets: machine.command_line(
                    self.spec, self.kernel, self.topology, options, image, console, sockets),
                self._path("qemu.sh"))
            self.machine.run(self.timeout)
        finally:
            self.machine.stop()
        with contextlib.suppress(FileNotFoundError):
            with open(console, encoding="utf-8", errors="replace") as f:
                log = f.read()
                return klog.before_the_question(log) if self.machine.timed_out else log
        return ""

    def _tidy(self, image):
        if self.spec.keep:
            print(f"vm/run: kept everything in {self.spec.workdir}", file=sys.stderr)
            return
        for path in self.topology.made + [image]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def judge(self, log):
        """Adds the harness's own test points; returns the exit status."""
        tap, where = self.tap, os.path.relpath(self.spec.workdir, ROOT)
        status = self.machine.status
        splats = klog.trouble(log, self.spec.expected_log)
        complete = self.machine.tidy
        if tap.skip_all and not tap.points and status == 0 and not splats:
            self._emit(tap.skip_all)
            return 0
        if not complete:
            tap.point(False, self._why_incomplete(), self._evidence(log))
        elif status:
            tap.point(False, f"the guest's program exited with status {status}",
                      [] if tap.failed else self._evidence(log))
        elif not tap.points:
            tap.point(False, "the guest's program reported a test point")
        if tap.guest_plan is not None and tap.guest_plan != tap.points and complete and not status:
            tap.point(False, f"the guest's program kept its plan of {tap.guest_plan} test points")
        if complete:
            self._judge_what_is_left()
        tap.point(not splats, "the kernel log is clean", splats)
        if tap.failed:
            self._emit(f"# logs: {where}/console.log, {where}/stderr.log; QEMU's command: {where}/qemu.sh")
        self._emit(f"# {self.seconds:.1f} seconds, topology {self.topology.name}, "
                   f"kernel {self.kernel.release}")
        tap.finish()
        if self.machine.timed_out:
            return TIMED_OUT
        return status or (1 if tap.failed else 0)

    def _judge_what_is_left(self):
        if self.spec.own_modules:
            self.tap.point(not self.machine.stuck, "the modules could be unloaded after the test",
                           self.machine.stuck)
        if self.spec.kmemleak:
            report = self.machine.leaks
            leaks = ["the guest made no scan for leaks"] if report is None else \
                klog.leaks(report, self.spec.own_modules, self.machine.places)
            self.tap.point(not leaks, "no memory of ours leaked", leaks)

    def _why_incomplete(self):
        if self.machine.timed_out:
            what = "guest's program ended" if self.machine.status is None else \
                "modules were unloaded and the guest ended"
            return f"the {what} within {self.timeout:g} seconds"
        if self.machine.returncode:
            how = self.machine.returncode
            return "QEMU kept running" + (f" (it was killed by signal {-how})" if how < 0
                                          else f" (it exited with status {how})")
        return "the machine ran until the guest's program ended"

    def _evidence(self, log):
        lines = [f"QEMU: {line}" for line in self.machine.complaints()]
        lines.append(f"the last test point was: {self.tap.last}" if self.tap.last
                     else "there was no test point")
        if self.machine.timed_out:
            lines.append("where each task was, is at the end of the console's log")
        lines.append("the console's last lines:")
        return lines + ["  " + line for line in tail(log)]


def shell_status(run, log):
    splats = klog.trouble(log)
    for line in run.machine.complaints() + splats:
        print(line, file=sys.stderr)
    return run.machine.status or 0


def main(argv):
    # A killed harness must not leave QEMU behind: let the cleanup run.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        spec = Spec(argv)
        if spec.slow and not os.environ.get("PEERBUF_SLOW"):
            raise Skip(f"{spec.slow[0]}: make check-slow runs it")
        run = Run(spec)
        lacking = [s for s in spec.kernel_config if not run.kernel.has_config(s)]
        if lacking:
            raise Skip(f"kernel {run.kernel.name} has no {' '.join(lacking)}")
        log = run.go()
        return shell_status(run, log) if run.spec.shell else run.judge(log)
    except Skip as skip:
        print(f"1..0 # SKIP {skip}")
        return 0
    except Failure as failure:
        print(f"vm/run: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
