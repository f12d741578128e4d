#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What bench/run makes of the lines that the machine prints."""

import importlib.machinery
import importlib.util
import json
import os
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

benches, emulated = bench.parse(LINES)
results = {name: bench.result(b, emulated) for name, b in benches.items()}
fast = results["fast"]
ok((fast["ours"], fast["peer"], fast["ratio"]) == (11, 22, 0.5), "medians and their ratio")
ok(fast["samples"] == {"ours": [10, 30, 11], "peer": [20, 30, 22]}, "the raw samples are kept")
ok(fast["runs"] == 3, "as many runs as both sides have")
ok(abs(fast["spread"] - 10 / 11) < 0.001, "the spread is that of the side that has more of it")
ok([results[n].get("met") for n in benches] == [True, False, True, None],
   "goals are met, missed, met where more is better, or not set")
ok("TCG" in emulated and "4 KiB, 2 MiB, 1 GiB" in emulated, "it says what was emulated")
wanted = {"name", "unit", "ours", "peer", "peer_name", "ratio", "runs", "spread"}
ok(all(wanted <= set(r) for r in json.loads(json.dumps(list(results.values())))),
   "the file has what it promises")
text = bench.table(list(results.values()), emulated)
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
    bench.result(benches["slow"], emulated)
    ok(False, "a side without samples ends it")
except SystemExit:
    ok(True, "a side without samples ends it")
print(f"1..{count}")
