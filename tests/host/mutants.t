#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the tests of the pure files notice when these are wrong?

Every branch, comparison, constant and call of the files below is changed, one at a time, and
the suite that guards the file is compiled against the result. A mutant that passes its suite is
one that nobody would notice: it fails here. -v tells of each mutant what killed it.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CC = os.environ.get("CC", "cc")

# What is mutated, and the suite that guards it.
SUBJECTS = {
    "kernel/core/match.c": "match",
    "kernel/core/offer.c": "offer",
    "kernel/core/state.c": "state",
    "kernel/core/range.c": "range",
    "kernel/p2p/route.c": "route",
    "kernel/p2p/override.c": "route",
}
FLAGS = ["-D_GNU_SOURCE", "-std=gnu11", "-O1", "-w", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", "-Iinclude", "-Iinclude/uapi",
         "-DROUNDS(n)=((n) / 30)"]

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
    "\t\tleft -= here <= left ? here : left;": "the two are the same when they are equal",
    "\t\t    to <= len && len - to >= larger)": "nothing is left when they are equal",
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


def compile_c(source, output, *flags):
    return not subprocess.run([CC, *FLAGS, *flags, "-c", "-o", output, source], cwd=ROOT,
                              capture_output=True, check=False).returncode


def compile_rest(path, work):
    """What is the same for all mutants of a file: the suite, its runner, other pure files."""
    suite = SUBJECTS[path]
    others = [other for other in SUBJECTS if SUBJECTS[other] == suite and other != path]
    objects = []
    for source in [f"tests/kunit/{suite}_test.c", "tests/kunit/tried.c", "tests/host/kunit.c", *others]:
        objects.append(os.path.join(work, f"{len(objects)}.o"))
        if not compile_c(source, objects[-1], f"-DSUITE={suite}_suite"):
            sys.exit(f"{source} does not compile")
    return objects


def limit_processor_time():
    """However busy the machine is: a loop that does not end is given up after three seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (3, 3))


def run(path, source, rest, work):
    """None if the suite passes with this source, or how it failed."""
    mutated = os.path.join(work, "mutated.c")
    pure = os.path.join(ROOT, "kernel/core/pure.h")
    with open(mutated, "w", encoding="utf-8") as f:
        f.write(re.sub(r'#include "(\.\./core/)?pure\.h"', f'#include "{pure}"', source))
    program = os.path.join(work, "test")
    if not compile_c(mutated, program + ".o") or subprocess.run(
            [CC, *FLAGS, "-o", program, program + ".o", *rest], cwd=ROOT, capture_output=True,
            check=False).returncode:
        return "the compiler"
    try:
        done = subprocess.run([program], cwd=work, capture_output=True, text=True, timeout=120,
                              check=False, preexec_fn=limit_processor_time)
    except subprocess.TimeoutExpired:
        return "the clock"
    if not done.returncode:
        return None
    failed = re.search(r"not ok \d+ - (.*)", done.stdout)
    return failed.group(1) if failed else "a crash"


def try_mutant(mutant, rest):
    with open(os.path.join(ROOT, mutant.path), encoding="utf-8") as f:
        lines = f.read().split("\n")
    lines[mutant.number - 1] = mutant.after
    with tempfile.TemporaryDirectory() as work:
        mutant.killer = run(mutant.path, "\n".join(lines), rest, work)
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
            rest = compile_rest(path, work)
            point(run(path, f.read(), rest, work) is None, f"{path} passes its test as it is")
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                mutants = list(pool.map(lambda m: try_mutant(m, rest), mutants_of(path)))
        killed = [m for m in mutants if m.killer and m.killer != "the compiler"]
        point(len(killed) >= 5, f"{path} has mutants: {len(killed)} compile and are noticed")
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
