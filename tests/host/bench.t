#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What bench/run makes of the lines that the machine prints."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
loader = importlib.machinery.SourceFileLoader("bench", os.path.join(ROOT, "bench/run"))
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
loader.exec_module(bench)

count = 0


def ok(passed, name):
    global count
    count += 1
    print(f"{'ok' if passed else 'not ok'} {count} - {name}")


LINES = """# machine tcg, 6.12, 2 processors
# iommu 0x40201000
# bench fast|us|less|1.5|the other
# sample fast ours 10
# sample fast peer 20
# sample fast peer 30
# sample fast ours 30
# sample fast ours 11
# sample fast peer 22
# bench slow|us|less|1.0|the other
# sample slow ours 2
# sample slow peer 1
# bench rate|MB/s|more|1.0|the other
# sample rate ours 4
# sample rate peer 1
# bench bytes|bytes|less||the other
# sample bytes ours 3
# sample bytes peer 1
ok 1 - everything was measured""".split("\n")

LINES += """# machine count, 6.12, 1 processor(s)
# iommu 0x40201000
# absent fast_too, slow_too|this kernel has none
# bench fast_instr|instr|less|1.5|the other
# sample fast_instr ours 5
# sample fast_instr peer 4""".split("\n")

benches, missing = bench.parse(LINES)
results = {name: bench.result(b) for name, b in benches.items()}
fast = results["fast"]
ok((fast["ours"], fast["peer"], fast["ratio"]) == (11, 22, 0.5), "medians and their ratio")
ok(fast["samples"] == {"ours": [10, 30, 11], "peer": [20, 30, 22]}, "the raw samples are kept")
ok(fast["runs"] == 3, "as many runs as both sides have")
ok(abs(fast["spread"] - 10 / 11) < 0.001, "the spread is that of the side that has more of it")
ok([results[n].get("met") for n in benches] == [True, False, True, None, True],
   "goals are met, missed, met where more is better, or not set")
ok("TCG" in fast["emulated"] and "4 KiB, 2 MiB, 1 GiB" in fast["emulated"],
   "it says what was emulated")
ok("tcg, 6.12" in fast["emulated"] and "count, 6.12" in results["fast_instr"]["emulated"],
   "and by which machine")
wanted = {"name", "unit", "ours", "peer", "peer_name", "ratio", "runs", "spread"}
ok(all(wanted <= set(r) for r in json.loads(json.dumps(list(results.values())))),
   "the file has what it promises")
text = bench.table(list(results.values()), missing)
ok("Not measured: fast_too, slow_too: this kernel has none." in text,
   "the table tells what is not measured, and why")
ok(sum("missed" in line for line in text.splitlines()) == 1, "the table tells what is missed")
with tempfile.TemporaryDirectory() as scratch:
    path = os.path.join(scratch, "plot.svg")
    bench.plot(list(results.values()), path)
    with open(path, encoding="utf-8") as f:
        svg = f.read()
ok("<svg" in svg and "slow" in svg and svg.count("<polygon") + svg.count("<path") > 4,
   "the plot is drawn")
benches["slow"]["samples"]["peer"] = []
try:
    bench.result(benches["slow"])
    ok(False, "a side without samples ends it")
except SystemExit:
    ok(True, "a side without samples ends it")


def run(*what, **environment):
    """Returns the exit status of bench/run, which comes to no machine, and what it says."""
    done = subprocess.run([os.path.join(ROOT, "bench/run"), *what], capture_output=True, text=True,
                          env=dict(os.environ, **environment), check=False)
    return done.returncode, done.stderr


for name, value in (("BENCH_ROUNDS", "many"), ("BENCH_ROUNDS", "0"), ("BENCH_ROUNDS", "1 2"),
                    ("BENCH_BAR_GIB", ""), ("BENCH_BAR_GIB", "1,4"), ("BENCH_BAR_GIB", "65"),
                    ("BENCH_BAR_GIB", " ".join(["1"] * 17)), ("BENCH_RAM_MIB", "-1"),
                    ("BENCH_RAM_MIB", "1G")):
    status, said = run(**{name: value})
    ok(status == 1 and said.startswith(f"bench: {name} is {value!r}, not ")
       and said.count("\n") == 1, f"{name}={value!r} is refused in a sentence")
status, said = run("ram", "rom")
ok(status == 1 and said.startswith("bench: there is no 'rom' to measure; there are ram, "),
   "and so is what cannot be measured")
os.environ.update(BENCH_BAR_GIB="8 2 2", BENCH_RAM_MIB="255", BENCH_ROUNDS="3")
ok(bench.settings() == (3, [2, 8], 256), "sizes are sorted, and even")
options = " ".join(bench.machine_options(*bench.settings()))
ok("big_size=8G" in options and "--memory 1024M" in options and "BENCH_BAR_GIB=2 8" in options,
   "the machine is large enough for them")
print(f"1..{count}")
