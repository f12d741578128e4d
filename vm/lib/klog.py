# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks for signs of trouble in a kernel log."""

import re

# Any of these fails a run: each is printed by the kernel's own checks of itself.
TROUBLE = re.compile("|".join((
    r"\bWARNING:", r"\bBUG:", r"kernel BUG at", r"\bOops\b", r"\bKASAN\b", r"\bUBSAN\b", r"\bKCSAN\b",
    r"\bKFENCE:", r"possible circular locking", r"possible recursive locking",
    r"inconsistent lock state", r"possible irq lock inversion", r"\blockdep:",
    r"INFO: trying to register non-static key", r"bad unlock balance", r"suspicious RCU",
    r"INFO: possible", r"sleeping function called", r"scheduling while atomic",
    r"general protection", r"unable to handle", r"Call Trace:", r"refcount_t:",
    r"already set", r"DMA-API:", r"unregister_netdevice", r"blocked for more than",
    r"hung task", r"soft lockup", r"hard LOCKUP", r"rcu: INFO", r"self-detected stall",
    r"Kernel panic", r"list_(?:add|del) corruption", r"Bad page (?:state|map)",
    r"kmemleak: \d+ new", r"Unbalanced ", r"stack guard page", r"page allocation failure",
    r"Unknown symbol", r"disagrees about version of symbol",
)))

# What stock kernels say that looks like trouble and is none.
HARMLESS = re.compile("|".join((
    r"KASLR disabled", r"Kernel panic - not syncing: VFS.*probe",
    r"Command line:", r"Kernel command line:", r"Unknown kernel command line",
    r"kasan: KernelAddressSanitizer initialized", r"rcu:\s+RCU lockdep checking is enabled",
)))

BEGIN = "[ cut here ]"
END = "---[ end trace"
AFTER = 24      # lines of a report to show after the line that was recognised
SHOWN = 120     # lines to show in all


def _reports(lines):
    """Splits a log into reports: (first, end) line numbers, end exclusive."""
    at = 0
    while at < len(lines):
        end = at + 1
        if BEGIN in lines[at]:
            while end < len(lines) and end - at < 200:
                end += 1
                if END in lines[end - 1]:
                    break
        yield at, end
        at = end


def _trouble_in(lines, expected):
    found = [line for line in lines if TROUBLE.search(line) and not HARMLESS.search(line)]
    if found and any(e.search(line) for e in expected for line in lines):
        return False  # the test says that it provokes this report
    return bool(found)


def trouble(text, expected=()):
    """Returns the lines to show to a person; none if the log is clean."""
    expected = [re.compile(e) for e in expected]
    lines = text.replace("\r", "").split("\n")
    shown, upto = [], 0
    for first, end in _reports(lines):
        if not _trouble_in(lines[first:end], expected):
            continue
        if end <= upto:
            continue
        end = max(end, min(first + AFTER, len(lines))) if end == first + 1 else end
        shown += lines[max(first, upto):end]
        upto = end
    if len(shown) > SHOWN:
        shown = shown[:SHOWN] + [f"... and {len(shown) - SHOWN} more lines"]
    return [line for line in shown if line.strip()]
