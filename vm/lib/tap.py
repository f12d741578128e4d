# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows the guest's test points and owns the plan.

The guest's lines are passed on as they come, except for its plan: the harness adds test
points of its own (a clean kernel log, an orderly end) and prints the plan at the end.
"""

import re

POINT = re.compile(r"^(not )?ok\b(?:\s+(\d+))?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#.*)?$")
TODO = re.compile(r"#\s*todo\b", re.IGNORECASE)
# What cmocka says of a test that skips itself; prove takes it for a failure.
SKIPPED = re.compile(r"^not (ok\b[^#]*#\s*skip\b)", re.IGNORECASE)


class Tap:
    def __init__(self, emit):
        self._emit = emit
        self.points = 0
        self.failed = 0
        self.guest_plan = None
        self.skip_all = None
        self.last = None

    def line(self, line):
        plan = PLAN.match(line)
        if plan:
            self.guest_plan = int(plan.group(1))
            if not self.guest_plan:
                self.skip_all = line
            return
        if line.startswith("TAP version") and self.points:
            return
        line = SKIPPED.sub(r"\1", line)
        point = POINT.match(line)
        if point:
            self.points += 1
            self.last = line
            if point.group(1) and not TODO.search(point.group(3)):
                self.failed += 1
        self._emit(line)

    def point(self, passed, name, diagnostics=()):
        """Adds a test point of the harness's own."""
        self.points += 1
        if not passed:
            self.failed += 1
        self._emit(f"{'' if passed else 'not '}ok {self.points} - {name}")
        for line in diagnostics:
            self._emit("# " + line)

    def finish(self):
        self._emit(f"1..{self.points}")
