#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""peerbuf topo, from recordings: text, JSON and pictures of known machines against golden
answers, verdicts of random trees against a slow model, recordings that make no sense.

UPDATE_GOLDEN=1 writes the golden answers anew, to be read before they are committed.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TOOL = os.path.join(ROOT, "build", "bin", "peerbuf")
GOLDEN = os.path.join(ROOT, "tests", "topo", "golden")
sys.path.insert(0, os.path.join(ROOT, "tests", "topo"))
sys.dont_write_bytecode = True

import machines  # noqa: E402
import model  # noqa: E402

WORK = tempfile.TemporaryDirectory()
count = 0
failed = False


def point(good, name, why=""):
    global count, failed
    count += 1
    failed |= not good
    print(("" if good else "not ") + f"ok {count} - {name}")
    if not good:
        for line in str(why).splitlines()[:60]:
            print("# " + line)


def run(*args):
    done = subprocess.run([TOOL, *args], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def write(recording, name="machine.json"):
    path = os.path.join(WORK.name, name)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(recording, f)
    return path


def golden(name, text):
    path = os.path.join(GOLDEN, name)
    if os.environ.get("UPDATE_GOLDEN"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    with open(path, encoding="utf-8") as f:
        wanted = f.read()
    point(text == wanted, f"{name} is as it should be", f"expected:\n{wanted}\ngot:\n{text}")


def known_machines():
    for name, (_, pairs) in machines.MACHINES.items():
        path = write(machines.recording(name))
        status, text, error = run("topo", "--from", path)
        point(status == 0 and not error, f"{name}: a report", error)
        for pair in pairs:
            status, out, error = run("topo", "check", *pair.split(), "--from", path)
            text += f"\n$ peerbuf topo check {pair}   # exit status {status}\n{out}{error}"
        golden(name + ".txt", text)
    for name in ("two-sockets-listed", "virtual-functions"):
        path = write(machines.recording(name))
        golden(name + ".json", run("topo", "--from", path, "--json")[1])
        pair = machines.MACHINES[name][1][1].split()
        golden(name + ".check.json",
               run("topo", "check", *pair, "--from", path, "--json")[1])
        golden(name + ".dot", run("topo", "--from", path, "--dot")[1])


def verdicts(recording):
    """All pairs that the tool and the model do not agree about, and how many there are."""
    path = write(recording)
    status, out, error = run("topo", "--all", "--json", "--from", path)
    if status:
        return [error], 0
    routes = json.loads(out)["routes"]
    wrong = []
    bridges = {f["address"] for f in recording["functions"] if f["class"].startswith("06")}
    wrong += [f"{r['provider']} is a bridge" for r in routes if r["provider"] in bridges]
    # Who reaches whom is the same both ways; a report need not tell.
    ways = {(r["provider"], r["client"]): r["route"] for r in routes}
    wrong += [f"{p} {c}: one way only" for (p, c), route in ways.items() if ways[c, p] != route]
    for r in routes:
        wanted = model.route(recording, r["provider"], r["client"])
        got = (r["route"], r["reason"], r["distance"])
        if got != wanted:
            wrong.append(f"{r['provider']} {r['client']}: model {wanted}, tool {got}")
    return wrong, len(routes)


def against_the_model():
    for name in machines.MACHINES:
        wrong, _ = verdicts(machines.recording(name))
        point(not wrong, f"{name}: the model agrees", "\n".join(wrong))
    seed = int(os.environ.get("SEED", "1"))
    rng = random.Random(seed)
    total, wrong, seen = 0, [], set()
    for _ in range(150):
        recording = model.random_machine(rng)
        more, pairs = verdicts(recording)
        wrong += more
        total += pairs
        for f in recording["functions"]:
            for g in recording["functions"]:
                seen.add(model.route(recording, f["address"], g["address"])[:2])
    point(not wrong and total > 5000,
          f"random trees, seed {seed}: the model agrees about {total} pairs",
          "\n".join(wrong))
    # Otherwise the trees are too tame.
    wanted = {("bus-address", "same-device"), ("bus-address", "same-switch"),
              ("host-bridge", "acs-redirect"), ("host-bridge", "no-common-bridge"),
              ("host-bridge", "override"), ("not-supported", "host-not-listed"),
              ("not-supported", "hosts-differ"), ("unknown", "unreadable")}
    point(wanted <= seen, "among them is every verdict", f"missing: {wanted - seen}")


def dump_and_back():
    path = write(machines.recording("gpu-box"))
    again = os.path.join(WORK.name, "again.json")
    with open(again, "w", encoding="utf-8") as f:
        f.write(run("topo", "dump", "--from", path)[1])
    for command in (["topo"], ["topo", "--json"], ["topo", "check", "03:00.0", "83:00.0"]):
        point(run(*command, "--from", path) == run(*command, "--from", again),
              f"{' '.join(command)} is the same from a dump of a dump")


def pictures():
    path = write(machines.recording("gpu-box"))
    status, out, error = run("topo", "--from", path, "--svg")
    point(status == 0 and out.startswith("<?xml") and "</svg>" in out and "GA100" in out,
          "graphviz draws the picture", error)
    m = machines.Machine()
    m.host("0000:00", "8086:4660", "Intel Corporation 12th Gen Core Processor Host Bridge")
    for n in range(1, 21):
        port = m.port(f"00:{n:02x}.0", "0000:00", "8086:460d", "a port", machines.OFF)
        for function in (0, 1):
            m.nic(f"{n:02x}:00.{function}", port)
    dot = run("topo", "--from", write(m.recording), "--dot")[1]
    looks = {}
    for address, look in re.findall(r'"0000:(..):00\.[01]" \[label=.*, (style=.*)\]', dot):
        looks.setdefault(address, set()).add(look)
    point(len(looks) == 20 and all(len(look) == 1 for look in looks.values())
          and len({look for both in looks.values() for look in both}) == 20,
          "who reaches nobody else looks different, however many there are", looks)
    m.nic("1e:00.0", m.port("00:1e.0", "0000:00", "8086:460d", "a port"), acs="0004")
    m.functions[-1]["name"] = 'A "quoted" \\l name'
    lines = run("topo", "--from", write(m.recording), "--dot")[1].splitlines()
    line = [text for text in lines if '"0000:1e:00.0" [' in text]
    point(len(line) == 1 and '\\nA \\"quoted\\" \\\\l name\\n' in line[0]
          and "color=red" in line[0] and sum("color=red" in text for text in lines) == 1,
          "a function that redirects has a red outline, and names stay as they are", line)
    env = dict(os.environ, PATH="/nonexistent")
    done = subprocess.run([TOOL, "topo", "--from", path, "--svg"], env=env, text=True,
                          capture_output=True, check=False)
    point(done.returncode == 1 and done.stderr ==
          "peerbuf: the picture cannot be drawn: dot, of graphviz: No such file or directory; "
          "--dot gives its description\n", "without graphviz it says so", done.stderr)


def refuses(status, sentence, name, *args):
    got = run(*args)
    wanted = (status, "", f"peerbuf: {sentence}\n")
    point(got == wanted, name, f"got {got}\nexpected {wanted}")


def what_is_refused():
    path = write(machines.recording("desktop"))
    refuses(1, f"there is no PCI device 09:00.0 in {path}", "a device that is not there",
            "topo", "check", "09:00.0", "01:00.0", "--from", path)
    refuses(2, '"nvme0" is not a PCI address such as 0000:01:00.0', "another kind of name",
            "topo", "nvme0", "--from", path)
    refuses(2, "only one of --json, --dot and --svg can be had", "two formats",
            "topo", "--dot", "--svg", "--from", path)
    refuses(2, "--from is an option of topo", "another command's options",
            "device", "list", "--from", path)
    refuses(2, "--from needs a value: --from FILE", "an option without its value", "topo", "--from")
    refuses(1, "/nonexistent cannot be read: No such file or directory", "no file",
            "topo", "--from", "/nonexistent")
    refuses(1, "README.md cannot be read as JSON", "a file of another kind",
            "topo", "--from", "README.md")


def broken(name, change):
    recording = machines.recording("virtual-functions")
    change(recording)
    path = write(recording)
    status, out, error = run("topo", "--from", path)
    point(status == 1 and not out and error.startswith(f"peerbuf: {path} cannot be used: "),
          f"refused: {name}", (status, out, error))


def recordings_that_make_no_sense():
    def at(n, key, value):
        return lambda r: r["functions"][n].__setitem__(key, value)

    def circle(r):
        r["functions"][1]["parent"] = r["functions"][2]["address"]

    cases = [
        ("another version", lambda r: r.update(peerbuf_recording=2)),
        ("no version", lambda r: r.pop("peerbuf_recording")),
        ("no functions", lambda r: r.pop("functions")),
        ("functions that are none", lambda r: r.update(functions={})),
        ("a function that is a number", lambda r: r["functions"].append(1)),
        ("the same function twice", lambda r: r["functions"].append(r["functions"][0])),
        ("too many functions", lambda r: r.update(functions=r["functions"] * 4000)),
        ("too many different ones", lambda r: r["functions"].extend(
            dict(r["functions"][0], address=f"{n:08x}:00:00.0", host=f"{n:08x}:00")
            for n in range(1, 20001))),
        ("a parent that is not there", at(2, "parent", "0000:99:00.0")),
        ("a parent that is no address", at(2, "parent", "x")),
        ("a parent that is a number", at(2, "parent", 5)),
        ("its own parent", at(2, "parent", "0000:01:00.0")),
        ("a circle", circle),
        ("a physical function that is not there", at(3, "physical_function", "0000:99:00.0")),
        ("no host", lambda r: r["functions"][0].pop("host")),
        ("a host with a long name", at(0, "host", "0" * 100)),
        ("a host that is a word", at(0, "host", "zz")),
        ("an address that is none", at(0, "address", "0000:00:00")),
        ("two addresses", at(0, "address", "00:00.0-00:01.0")),
        ("an id that is none", at(0, "id", "8086:xyz1")),
        ("a short id", at(0, "id", "8086")),
        ("a class that is none", at(0, "class", "06000g")),
        ("ACS that is a word", at(1, "acs", "on")),
        ("ACS without bits", at(1, "acs", {})),
        ("an override that is none", lambda r: r.update(route_override="01:00.0")),
    ]
    for name, change in cases:
        broken(name, change)
    # Anything may stand where only people read.
    recording = machines.recording("virtual-functions")
    for f in recording["functions"]:
        f.update(name='"\\' * 300 + "\n", bars=[{}], cmb={}, driver=[1], iommu=5,
                 iommu_group="x", port=3, bus_offset="x")
    path = write(recording)
    codes = [run("topo", *o, "--from", path)[0] for o in ((), ("--json",), ("--dot",), ("--all",))]
    codes.append(run("topo", "check", "01:00.0", "03:00.0", "--from", path)[0])
    point(codes == [0] * 5, "values that are not looked at may be anything", codes)
    recording = machines.recording("virtual-functions")
    for f in recording["functions"]:
        for key in ("bars", "cmb", "driver", "iommu", "iommu_group", "port", "name", "bus_offset"):
            del f[key]
    path = write(recording)
    texts = [run("topo", *o, "--from", path) for o in ((), ("--json",), ("--dot",))]
    point(all(status == 0 for status, _, _ in texts) and "BARs" not in texts[0][1] + texts[2][1],
          "values that are not looked at may be missing", texts)
    recording["functions"][2]["class"] = "network"
    refuses(1, f"{write(recording)} cannot be used: the address, id, class or acs of its function "
            "3, counted from 1, is missing or malformed", "which function is wrong is told",
            "topo", "--from", path)
    rng = random.Random(1)
    whole = json.dumps(machines.recording("virtual-functions"))
    codes = set()
    for n in range(60):
        cut = list(whole)
        for _ in range(rng.randrange(1, 6)):
            cut[rng.randrange(len(cut))] = rng.choice('0{}[]",:-xn')
        path = os.path.join(WORK.name, "cut.json")
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join(cut)[:rng.randrange(len(cut))] if n % 2 else "".join(cut))
        codes.add(run("topo", "--from", path)[0])
    point(codes <= {0, 1}, "damaged recordings do no harm", codes)


known_machines()
against_the_model()
dump_and_back()
pictures()
what_is_refused()
recordings_that_make_no_sense()
print(f"1..{count}")
sys.exit(failed)
