#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks revoke.pml exhaustively, and that each of its switches has a counterexample.

With -v, the steps of each counterexample are printed. With PEERBUF_LONG=1 the largest
system is explored as well, for a minute and in 1 GiB.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.join(HERE, "..", "..")
MODEL = os.path.join(HERE, "revoke.pml")
README = os.path.join(HERE, "README.md")
MEGABYTES = 1500

# Options of the verifier: search for cycles in which everybody gets their turn; do not
# mind that nothing can move.
FAIR = ("-a", "-f")
MAY_STOP = ("-E",)


def kinds(*names):
    return (f"N={len(names)}",) + tuple(f"KIND{i}={k}" for i, k in enumerate(names))


# What is wrong, and how spin says so.
ACCESS = "access without memory"
UNRESTORED = "a live buffer without a mapping that was asked for"
STUCK = "nothing can move any more"
ENDLESS = "a revoke that does not end"

# The model as it is: every combination here is explored to its end.
SAFE = [
    ("WITHOUT_POWER",),
    kinds("SLOW", "LATE"),
    kinds("IOMMU", "LATE"),
    kinds("IOMMU", "IOMMU", "SLOW") + ("RESETS_ONLY",),
    kinds("SLOW", "SLOW", "EAGER") + ("RESETS_ONLY",),
    kinds("SLOW", "EAGER", "LATE") + ("RESETS_ONLY",),
]
if os.environ.get("PEERBUF_LONG") == "1":
    SAFE.append(())
# An importer that breaks its promise keeps the device waiting; it does not get at memory
# that is not there.
BROKEN_PROMISES = [
    kinds("SLOW", "LATE") + ("NEVER_UNMAPS",),
    kinds("SLOW", "LATE") + ("JOB_AFTER_INVALIDATE",),
]
ENDS = [
    kinds("IOMMU", "SLOW"),
    kinds("SLOW", "LATE"),
    ("RESETS_ONLY",),
    kinds("SLOW", "EAGER", "LATE") + ("RESETS_ONLY",),
]

# Each switch: what it must lead to, and in which system that is seen.
SWITCHES = {
    # waits
    "NO_FENCE_WAIT": (ACCESS, kinds("EAGER")),
    "FENCES_BEFORE_HELD": (ACCESS, kinds("LATE")),
    "NO_HELD_WAIT": (ACCESS, kinds("SLOW")),
    "NO_HOLD": (ACCESS, kinds("LATE")),
    # taking access away
    "NO_INVALIDATE": (ENDLESS, kinds("LATE") + ("RESETS_ONLY",)),
    "NO_IOMMU_UNMAP": (ACCESS, kinds("IOMMU")),
    "NO_IOMMU_FLUSH": (ACCESS, kinds("IOMMU")),
    "NO_FLUSH": (ACCESS, kinds("SLOW")),
    "NO_DETACH_FLUSH": (ACCESS, kinds("SLOW")),
    "FLUSH_LISTED_ONLY": (ACCESS, kinds("SLOW")),
    "NO_ZAP": (ACCESS, kinds("IOMMU")),
    # checks
    "NO_MAP_CHECK": (ACCESS, kinds("SLOW")),
    "MAP_WITHOUT_LOCK": (ACCESS, kinds("SLOW")),
    "NO_FAULT_CHECK": (ACCESS, kinds("IOMMU")),
    "DEFERRED_MAPS_AT_ONCE": (ACCESS, kinds("IOMMU")),
    "LIVE_TO_DEAD": (ACCESS, kinds("SLOW")),
    "NO_CHECK_AT_EXPORT": (ACCESS, kinds("IOMMU")),
    "NO_DECODING_CHECK": (ACCESS, kinds("IOMMU")),
    "RESTORE_LOOKS_AT_ONE_CAUSE": (ACCESS, kinds("IOMMU")),
    "UNBLOCK_BEFORE_MEMORY": (ACCESS, kinds("IOMMU")),
    "NO_RESTORE": (UNRESTORED, kinds("IOMMU")),
    # locks
    "NO_PROVIDER_LOCK": (ACCESS, kinds("SLOW")),
    "WAIT_UNDER_LOCK": (STUCK, kinds("SLOW")),
    "CALLBACK_TAKES_CONTAINER_LOCK": (STUCK, kinds("IOMMU")),
    "CALLBACK_WAITS_FOR_WORKER": (STUCK, kinds("SLOW")),
    # promises of importers
    "NEVER_UNMAPS": (ENDLESS, kinds("SLOW") + ("RESETS_ONLY",)),
    "JOB_AFTER_INVALIDATE": (ENDLESS, kinds("LATE") + ("RESETS_ONLY",)),
}


class Broken(Exception):
    """The checker itself did not work."""


def shell(work, *words):
    done = subprocess.run(words, cwd=work, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Broken(f"{' '.join(words)}: {done.stdout}")
    return done.stdout


def wrong(output):
    """What the verifier's output says is wrong; None when nothing is."""
    if "pan:1: acceptance cycle" in output:
        return ENDLESS
    if "pan:1: invalid end state" in output:
        return STUCK
    if "pan:1: assertion violated" in output:
        return ACCESS if "in_reset" in output else UNRESTORED
    found = re.search(r"errors: (\d+)", output)
    if not found or found.group(1) != "0" or "error:" in output or \
            "max search depth too small" in output:
        raise Broken(output)
    return None


def explore(defines, options):
    """Returns what is wrong, the states explored, and how it comes to that."""
    fair = FAIR == options
    with tempfile.TemporaryDirectory() as work:
        generate = [f"-D{d}" for d in defines] + (["-DLIVENESS"] if fair else [])
        shell(work, "spin", "-a", *generate, MODEL)
        # Compiling takes longer than exploring a small system does.
        shell(work, "gcc", "-O0" if "N=1" in defines else "-O1", "-w", "-DCOLLAPSE", f"-DMEMLIM={MEGABYTES}",
              "-DNFAIR=4" if fair else "-DSAFETY", "-o", "pan", "pan.c")
        # The shortest way to what is wrong is not looked for: it takes much longer.
        run = subprocess.run(["./pan", "-m600000", "-w22"] + list(options),
                             cwd=work, text=True, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        verdict = wrong(run.stdout)
        states = int(re.search(r"(\d+) states, stored", run.stdout).group(1))
        steps = ""
        if verdict and "-v" in sys.argv:
            steps = subprocess.run(
                ["spin", "-t", "-p", *generate, MODEL], cwd=work, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout
        return verdict, states, steps


def check(name, defines, options, want):
    try:
        verdict, states, steps = explore(defines, options)
    except (Broken, OSError) as error:
        return False, name, str(error)
    return verdict == want, f"{name} ({states} states)", \
        steps if verdict == want else f"found: {verdict or 'nothing wrong'}"


def named(defines):
    return " ".join(defines) or "the default system"


def jobs():
    for defines in SAFE:
        yield f"no access after a revoke, nothing stuck: {named(defines)}", defines, (), None
    for defines in BROKEN_PROMISES:
        yield f"no access after a revoke: {named(defines)}", defines, MAY_STOP, None
    for defines in ENDS:
        yield f"every revoke ends: {named(defines)}", defines, FAIR, None
    for switch, (want, defines) in SWITCHES.items():
        yield f"{switch}: {want}", defines + (switch,), \
            FAIR if want == ENDLESS else (), want


def texts():
    """The tables here, in the model and in the text beside it are the same."""
    with open(MODEL, encoding="utf-8") as f:
        model = f.read()
    with open(README, encoding="utf-8") as f:
        readme = f.read()
    conditions = " ".join(re.findall(r"^#\s*(?:if|ifdef|ifndef|elif)\b(.*)$", model, re.M))
    switches = set(re.findall(r"[A-Z_]{2,}", conditions)) - {"LIVENESS", "RESETS_ONLY", "WITHOUT_POWER"}
    yield "every switch of the model is tried", switches == set(SWITCHES), \
        sorted(switches ^ set(SWITCHES))
    described = set(re.findall(r"^\| `([A-Z_]+)`", readme, re.M))
    yield "every switch is described", described == switches, sorted(described ^ switches)

    code = ""
    for root in ("kernel/core", "kernel/vfio"):
        for name in os.listdir(os.path.join(TOP, root)):
            if name.endswith(".c"):
                with open(os.path.join(TOP, root, name), encoding="utf-8") as f:
                    code += f.read()
    functions = set(re.findall(r"`(\w+)\(\)`", readme))
    unknown = sorted(f for f in functions if not re.search(rf"\b{f}\(", code))
    yield "the functions in the text exist", len(functions) > 15 and not unknown, unknown


def point(number, good, name, why):
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    if why and (not good or "-v" in sys.argv):
        print("\n".join("# " + line for line in str(why).splitlines()))
    sys.stdout.flush()


def main():
    number = 0
    for name, good, why in texts():
        number += 1
        point(number, good, name, why)
    with ThreadPoolExecutor(max_workers=2) as pool:
        for good, name, why in pool.map(lambda j: check(*j), jobs()):
            number += 1
            point(number, good, name, why)
    print(f"1..{number}")


main()
