#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the tests of the pure files notice when these are wrong?

Every branch, comparison, constant and call of the files below is changed, one at a time, and
the file's unit test is compiled against the result. A mutant that passes its test is one that
nobody would notice: it fails here. -v tells of each mutant what killed it.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CC = os.environ.get("CC", "cc")

# What is mutated, by which test it is guarded, and what else that needs.
SUBJECTS = {
    "kernel/core/match.c": ("tests/host/core_match.c", []),
    "kernel/core/state.c": ("tests/host/core_state.c", []),
}

# Pattern, replacement. Each match on each line is one mutant.
MUTATIONS = [
    (r"\bif \((?=.)", "if (!"),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" < ", " <= "),
    (r" < ", " > "),
    (r" && ", " || "),
    (r" \|\| ", " && "),
    (r"(?<=return )[\w>-]+ \|\| ", ""),
    (r" \|\| [\w>-]+(?=;)", ""),
    (r"-EOPNOTSUPP", "-ENOMEM"),
    (r"-EINVAL", "-EOPNOTSUPP"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"(?<== )0\b", "1"),
    (r"return (?!false|true)([^;]+);", r"return !(\1);"),
    (r" \? ([^:]+) : ([^;]+);", r" ? \2 : \1;"),
    (r"^(\t+)(\w[\w>.\[\]-]*\([^;]*\));", r"\1;"),
    (r"&exp\[e\]", "&exp[0]"),
    (r"imp_matches\[i\]", "imp_matches[0]"),
]

# Mutants that do the same as the original, and why.
SAME = {
    "\tfor (i = 0; i <= ARRAY_SIZE(f->blocked); i++)":
        "reads the next member; the sanitizer, not a test, may object",
}


class Mutant:
    """One changed line of one file."""

    def __init__(self, path, number, before, after):
        self.path, self.number, self.before, self.after = path, number, before, after
        self.killer = None

    def __str__(self):
        return f"{self.path}:{self.number}: {self.after.strip()}"


def mutate_line(line):
    if line.lstrip().startswith(("*", "/*", "//", "#")) or "EXPORT_SYMBOL" in line:
        return
    for pattern, replacement in MUTATIONS:
        for match in re.finditer(pattern, line):
            changed = line[:match.start()] + match.expand(replacement) + line[match.end():]
            # The whole condition, not its first word, is what is negated.
            if replacement == "if (!":
                depth, end = 1, match.end()
                while end < len(line) and depth:
                    depth += {"(": 1, ")": -1}.get(line[end], 0)
                    end += 1
                if depth:
                    continue
                changed = line[:match.end()] + "!(" + line[match.end():end - 1] + "))" + line[end:]
            yield changed


def mutants_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        lines = f.read().split("\n")
    seen = set()
    for number, line in enumerate(lines, 1):
        for changed in mutate_line(line):
            if changed != line and (number, changed) not in seen and changed not in SAME:
                seen.add((number, changed))
                yield Mutant(path, number, line, changed)


def run(path, source, work):
    """None if the file's test passes with this source, or how it failed."""
    test, more = SUBJECTS[path]
    mutated = os.path.join(work, "mutated.c")
    include = f'#include "{os.path.join(ROOT, os.path.dirname(path), "pure.h")}"'
    with open(mutated, "w", encoding="utf-8") as f:
        f.write(source.replace('#include "pure.h"', include))
    program = os.path.join(work, "test")
    done = subprocess.run(
        [CC, "-D_GNU_SOURCE", "-std=gnu11", "-O0", "-w", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", "-Iinclude", "-Iinclude/uapi", "-o", program, mutated, test,
         "tests/host/core_tried.c", *more, "-lcmocka"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return "the compiler"
    try:
        done = subprocess.run([program], cwd=work, capture_output=True, text=True, timeout=20,
                              check=False, env=dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP"))
    except subprocess.TimeoutExpired:
        return "the clock"
    if not done.returncode:
        return None
    failed = re.search(r"not ok \d+ - (.*)", done.stdout)
    return failed.group(1) if failed else "a crash"


def try_mutant(mutant):
    with open(os.path.join(ROOT, mutant.path), encoding="utf-8") as f:
        lines = f.read().split("\n")
    lines[mutant.number - 1] = mutant.after
    with tempfile.TemporaryDirectory() as work:
        mutant.killer = run(mutant.path, "\n".join(lines), work)
    return mutant


def main():
    verbose = "-v" in sys.argv[1:]
    count = failures = 0

    def point(good, name):
        nonlocal count, failures
        count += 1
        failures += not good
        print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)

    for path in SUBJECTS:
        with tempfile.TemporaryDirectory() as work, \
                open(os.path.join(ROOT, path), encoding="utf-8") as f:
            point(run(path, f.read(), work) is None, f"{path} passes its test as it is")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            mutants = list(pool.map(try_mutant, mutants_of(path)))
        killed = [m for m in mutants if m.killer and m.killer != "the compiler"]
        point(len(killed) >= 10, f"{path} has mutants: {len(killed)} compile and are noticed")
        alive = [m for m in mutants if not m.killer]
        for mutant in alive:
            print(f"# nothing notices {mutant}")
        point(not alive, f"each mutant of {path} makes a test fail")
        if verbose:
            for mutant in killed:
                print(f"# {mutant}  <- {mutant.killer}")
    print(f"1..{count}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
