# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules about routes once more, slowly, and random machines to try them on.

Written from the description of the rules, not from the code that is tested: sets of names, no
bits, no early ends.
"""

REDIRECT = 0x04 | 0x08 | 0x20
DEEPEST = 32  # functions on a way up

# What Linux knows of host bridges: True if it routes to others, too.
LISTED = {("8086", d): False for d in ("3c00", "3c01", "2f00", "2f01")}
LISTED.update({("8086", d): True for d in ("2030", "2031", "2032", "2033", "2020", "09a2")})
LISTED.update({("8086", d): True for d in ("0b25", "0cfe", "11fb", "1212", "1216", "4940", "4942",
                                           "4944", "4946", "4948")})
LISTED.update({("10de", d): True for d in ("2f95", "2f96", "2f97", "2f98")})


def _path(functions, address):
    """The function and all above it."""
    path = [functions[address]]
    while path[-1]["parent"]:
        path.append(functions[path[-1]["parent"]])
    return path


def _first(recording, host):
    """The function that may stand for a host bridge."""
    domain, bus = host.split(":")
    on_root = [f for f in recording["functions"] if f["host"] == host and not f["parent"]
               and f["address"].rsplit(":", 1)[0] == f"{domain}:{bus}"]
    return min(on_root, key=lambda f: f["address"].split(":")[-1]) if on_root else None


def _unclear(recording, host):
    first = _first(recording, host)
    return bool(first) and not first["address"].endswith(":00.0") and not first["port"] \
        and "acs" not in first


def _listed(recording, host):
    """None: not listed; else whether it routes to other host bridges."""
    first = _first(recording, host)
    if not first or not first["address"].endswith(":00.0") and first["port"] != "root port":
        return None
    vendor, device = first["id"].split(":")
    return True if vendor == "1ae0" else LISTED.get((vendor, device))


def _by_host(recording, a, b, reason):
    cpu = recording["cpu"]
    if cpu and cpu["vendor"] == "AuthenticAMD" and cpu["family"] >= 23:
        return "host-bridge", reason
    first, second = _listed(recording, a), _listed(recording, b)
    if first is None or second is None:
        return "not-supported", "host-not-listed"
    if a != b and not (first and second):
        return "not-supported", "hosts-differ"
    return "host-bridge", reason


def _overridden(recording, a, b):
    pairs = recording["route_override"] or ""
    return any(set(pair.split("-")) == {a, b} for pair in pairs.split(",") if pair)


def route(recording, provider, client):
    """(route, reason, distance)"""
    functions = {f["address"]: f for f in recording["functions"]}
    up, down = _path(functions, provider), _path(functions, client)
    shared = [f for f in up if f in down]
    if len(up) > DEEPEST or len(down) > DEEPEST:
        distance, verdict = 0, ("not-supported", "no-common-bridge")
    elif not shared:
        distance = len(up) + len(down)
        verdict = _by_host(recording, up[0]["host"], down[0]["host"], "no-common-bridge")
    else:
        meet = shared[0]
        between = up[:up.index(meet) + 1] + down[:down.index(meet)]
        distance = len(between) - 1
        if any(int((f.get("acs") or {"enabled": "0"})["enabled"], 16) & REDIRECT
               for f in between):
            verdict = _by_host(recording, up[0]["host"], down[0]["host"], "acs-redirect")
        elif distance == 0:
            verdict = "bus-address", "same-device"
        elif any("acs" not in f for f in between):
            verdict = "unknown", "unreadable"
        else:
            verdict = "bus-address", "same-switch"
    if verdict[0] == "not-supported" and (_unclear(recording, up[0]["host"])
                                          or _unclear(recording, down[0]["host"])):
        verdict = "unknown", "unreadable"
    if verdict[0] == "not-supported" and _overridden(recording, provider, client):
        verdict = "host-bridge", "override"
    return (*verdict, distance)


# ---------------------------------------------------------------- random machines

FIRST = ["8086:29c0", "8086:3c00", "8086:2f01", "8086:2030", "8086:2020", "8086:2033",
         "8086:2034", "1ae0:0001", "10de:2f95", "10de:2f99", "8086:4940", "1022:1480", "1def:e111"]


class _Grower:
    def __init__(self, rng):
        self.rng = rng
        self.functions = []
        self.bus = 0
        self.with_acs = rng.choice((0, 0.2, 0.8))

    def add(self, address, host, parent, ident, klass, port):
        acs = self.rng.random()
        function = {
            "address": address, "host": host, "parent": parent, "physical_function": None,
            "id": ident, "class": klass, "name": None, "port": port, "bars": [],
            "bus_offset": 0, "cmb": None, "driver": None, "iommu_group": None, "iommu": None,
            "acs": None,
        }
        if acs < self.with_acs:
            function["acs"] = {"supports": "007f",
                               "enabled": f"{self.rng.randrange(0x80):04x}"}
        elif acs > 0.97:
            del function["acs"]
        self.functions.append(function)
        return address

    def grow(self, host, domain, parent, depth):
        """A bus with some functions; bridges have a bus each."""
        bus = self.bus
        self.bus += 1
        device = 0
        for _ in range(self.rng.randrange(1, 4)):
            for number in range(self.rng.choice((1, 1, 1, 2))):
                address = f"{domain}:{bus:02x}:{device:02x}.{number}"
                if depth < 5 and self.rng.random() < 0.4 and len(self.functions) < 20:
                    self.add(address, host, parent, "1b36:000c", "060400", "downstream port")
                    self.grow(host, domain, address, depth + 1)
                else:
                    self.add(address, host, parent, "1af4:1041", "020000", "endpoint")
            device += self.rng.randrange(1, 4)

    def root(self, domain):
        bus = f"{self.bus:02x}"
        host = f"{domain}:{bus}"
        first = self.rng.choice(("00.0", "01.0", "02.0"))
        self.bus += 1
        port = self.add(f"{host}:{first}", host, None, self.rng.choice(FIRST),
                        self.rng.choice(("060000", "060400")),
                        self.rng.choice(("root port", "root port", None)))
        for device in range(4, 4 + self.rng.randrange(1, 4)):
            address = self.add(f"{host}:{device:02x}.0", host, None, "1b36:000c", "060400",
                               "root port")
            self.grow(host, domain, address, 1)
        return port


def random_machine(rng):
    """At least one host bridge, up to three; domains that differ in their upper half only."""
    grower = _Grower(rng)
    for _ in range(rng.randrange(1, 4)):
        grower.root(rng.choice(("0000", "0000", "10000")))
    rng.shuffle(grower.functions)
    names = [f["address"] for f in grower.functions]
    pairs = {tuple(rng.sample(names, 2)) for _ in range(rng.choice((0, 0, 5)))}
    return {
        "peerbuf_recording": 1, "kernel": None,
        "cpu": rng.choice((None, {"vendor": "GenuineIntel", "family": 6},
                           {"vendor": "AuthenticAMD", "family": 22},
                           {"vendor": "AuthenticAMD", "family": 23})),
        "route_override": ",".join(f"{a}-{b}" for a, b in pairs),
        "functions": grower.functions,
    }
