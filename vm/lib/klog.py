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
    # The slab allocator's reports; a checker that stops looking; objects' life cycles.
    r"\bBUG [\w.:-]+ \(", r"still has objects", r"INFO: lockdep is turned off", r"\bODEBUG:",
    r"kmemleak: Cannot", r"kmemleak: .*detector disabled",
    r"kmemleak: \d+ new", r"Unbalanced ", r"stack guard page", r"page allocation failure",
    r"Unknown symbol", r"disagrees about version of symbol",
)))

# What stock kernels say that looks like trouble and is none.
HARMLESS = re.compile("|".join((
    r"KASLR disabled", r"Kernel panic - not syncing: VFS.*probe",
    r"Command line:", r"Kernel command line:", r"Unknown kernel command line",
    r"kasan: KernelAddressSanitizer initialized", r"rcu:\s+RCU lockdep checking is enabled",
    r"DMA-API: preallocated \d+ debug entries", r"DMA-API: debugging enabled by kernel config",
    r"kmemleak: Kernel memory leak detector disabled$",  # kmemleak=off, the default
)))

# A line of vm/init's.
BOOTED = "vm: the kernel has booted"
# With several CPUs in parallel QEMU can run into a breakpoint that is there while the kernel
# patches itself, after the kernel has taken it away and forgotten it.
LEFT_BREAKPOINT = re.compile(r"\bOops: int3\b")
ASKED = re.compile(r"^.*NMI received for unknown reason.*$", re.MULTILINE)

BEGIN = "[ cut here ]"
END = "---[ end trace"
# Lockdep's have other ends, and name the locks in between.
LOCKDEP_BEGIN = re.compile(r"WARNING: possible [a-z ]*(?:locking dependency|inversion)")
LOCKDEP_END = "</TASK>"
# The kernel has data races of its own, which it lives with: those with a frame of ours count.
RACE_BEGIN = "BUG: KCSAN: "
RACE_END = "======"
OURS = re.compile(r"\[(?:\w*peerbuf\w*|edu_copy|banked_vfio)[ \]]")
AFTER = 24      # lines of a report to show after the line that was recognised
SHOWN = 120     # lines to show in all


def _reports(lines):
    """Splits a log into reports: (first, end) line numbers, end exclusive."""
    at = 0
    while at < len(lines):
        end = at + 1
        last = END if BEGIN in lines[at] else \
            RACE_END if RACE_BEGIN in lines[at] else \
            LOCKDEP_END if LOCKDEP_BEGIN.search(lines[at]) else None
        if last:
            while end < len(lines) and end - at < 200:
                end += 1
                if last in lines[end - 1]:
                    break
        yield at, end
        at = end


def _trouble_in(lines, expected):
    found = [line for line in lines if TROUBLE.search(line) and not HARMLESS.search(line)]
    if RACE_BEGIN in lines[0] and RACE_END in lines[-1] and not any(OURS.search(line) for line in lines):
        return False
    if found and any(e.search(line) for e in expected for line in lines):
        return False  # the test says that it provokes this report
    return bool(found)


# A line of a leak's backtrace: an address, and what is there; a module of ours, or one
# that has been unloaded since, which leaves the address only.
FRAME = re.compile(r"^\s+(?:\[<[^>]*>\] )?(?:0x([0-9a-f]+)$|\S+\+0x\S+ \[(\w+)\])")


def leaks(lines, ours, places):
    """Returns those of kmemleak's reports that have code of ours in their backtrace.

    ours has the names of modules, places has (first address, end, name) of where they were.
    """
    found, report, guilty = [], [], False
    for line in lines + ["unreferenced object (the end)"]:
        if line.startswith("unreferenced object"):
            found += report if guilty else []
            report, guilty = [], False
        match = FRAME.match(line)
        if match and match.group(1):
            address = int(match.group(1), 16)
            where = [f"{name}+{address - first:#x}" for first, end, name in places
                     if first <= address < end]
            line += " " + (where[0] if where else "(in an unloaded module)")
            guilty = True
        elif match and match.group(2) in ours:
            guilty = True
        report.append(line)
    return found[:SHOWN]


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


def before_the_question(text):
    """What was there before a guest that hangs was asked where its tasks are."""
    return ASKED.split(text)[0]


def broken_emulation(text):
    """Did the kernel die of what no module and no test can do anything about?

    On a loaded machine emulated timers are late, and some of the kernel's early tests of its
    hardware do not survive that.
    """
    return BOOTED not in text or bool(LEFT_BREAKPOINT.search(text))
