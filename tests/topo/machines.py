# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines of shapes that exist, as recordings of "peerbuf topo dump".

The trees are drawn from what is publicly known about such machines: which bridges a platform
has, how its slots hang below them, and what firmware and kernel make of ACS.
"""

import copy

# ACS control as the kernel sets it where an IOMMU is on: source validation, both
# redirections, upstream forwarding.
ISOLATED = "001d"
OFF = "0000"


class Machine:
    """Functions are added from the root down; each call returns the address."""

    def __init__(self, cpu=("GenuineIntel", 6), override=""):
        self.functions = []
        self.recording = {
            "peerbuf_recording": 1,
            "kernel": "6.12.0-test",
            "cpu": {"vendor": cpu[0], "family": cpu[1]} if cpu else None,
            "route_override": override,
            "functions": self.functions,
        }

    def add(self, address, parent, ident, klass, name, port=None, acs=None, **more):
        if len(address.split(":")) == 2:
            address = "0000:" + address
        above = next((f for f in self.functions if f["address"] == parent), None)
        function = {
            "address": address,
            "host": above["host"] if above else parent,
            "parent": parent if above else None,
            "physical_function": None,
            "id": ident,
            "class": klass,
            "name": name,
            "port": port,
            "acs": {"supports": "005f", "enabled": acs} if acs else None,
            "bars": [],
            "bus_offset": 0,
            "cmb": None,
            "driver": None,
            "iommu_group": len(self.functions),
            "iommu": "DMA-FQ",
        }
        if acs == "unknown":
            del function["acs"]
        function.update(more)
        self.functions.append(function)
        return address

    def host(self, address, ident, name):
        """A host bridge's own function, at 00.0 of its root bus."""
        return self.add(address + ":00.0", address, ident, "060000", name)

    def port(self, address, parent, ident, name, acs=ISOLATED):
        return self.add(address, parent, ident, "060400", name, "root port", acs,
                        driver="pcieport")

    def switch(self, address, parent, ident, name):
        return self.add(address, parent, ident, "060400", name, "upstream port",
                        driver="pcieport")

    def down(self, address, parent, ident, name, acs=ISOLATED):
        return self.add(address, parent, ident, "060400", name, "downstream port", acs,
                        driver="pcieport")

    def gpu(self, address, parent, name="NVIDIA Corporation GA100 [A100 SXM4 40GB]",
            ident="10de:20b0", size=64 << 30, **more):
        return self.add(address, parent, ident, "030200", name, "endpoint",
                        bars=[bar(0, 16 << 20, 32, False), bar(1, size), bar(3, 32 << 20)],
                        driver="nvidia", **more)

    def nvme(self, address, parent, cmb=None, **more):
        return self.add(address, parent, "144d:a80a", "010802",
                        "Samsung Electronics Co Ltd NVMe SSD Controller PM9A1/PM9A3/980PRO",
                        "endpoint", bars=[bar(0, 16 << 10, 64, False)], cmb=cmb,
                        driver="nvme", **more)

    def nic(self, address, parent, **more):
        more.setdefault("driver", "mlx5_core")
        return self.add(address, parent, "15b3:101b", "020700",
                        "Mellanox Technologies MT28908 Family [ConnectX-6]", "endpoint",
                        bars=[bar(0, 32 << 20)], **more)


def bar(index, size, width=64, prefetchable=True):
    return {"index": index, "size": size, "prefetchable": prefetchable, "width": width}


def desktop():
    """One socket, a graphics card, disks; the chip set hangs below the same root bus."""
    m = Machine()
    m.host("0000:00", "8086:4660", "Intel Corporation 12th Gen Core Processor Host Bridge")
    peg = m.port("00:01.0", "0000:00", "8086:460d",
                 "Intel Corporation 12th Gen Core Processor PCI Express x16 Controller #1")
    m.add("01:00.0", peg, "10de:2684", "030000", "NVIDIA Corporation AD102 [GeForce RTX 4090]",
          "legacy endpoint", bars=[bar(0, 16 << 20, 32, False), bar(1, 32 << 30)],
          driver="nvidia")
    m.add("01:00.1", peg, "10de:22ba", "040300",
          "NVIDIA Corporation AD102 High Definition Audio Controller", "endpoint",
          bars=[bar(0, 16 << 10, 32, False)], driver="snd_hda_intel")
    m.add("00:04.0", "0000:00", "8086:461d", "118000",
          "Intel Corporation Alder Lake Innovation Platform Framework Processor Participant",
          bars=[bar(0, 128 << 10, 64, False)], driver="proc_thermal_pci")
    disk = m.port("00:06.0", "0000:00", "8086:464d",
                  "Intel Corporation 12th Gen Core Processor PCI Express x4 Controller #0")
    m.nvme("02:00.0", disk, cmb={"bar": 0, "size": 1 << 20})
    m.add("00:14.0", "0000:00", "8086:7ae0", "0c0330",
          "Intel Corporation Alder Lake-S PCH USB 3.2 Gen 2x2 XHCI Controller",
          "integrated endpoint", bars=[bar(0, 64 << 10, 64, False)], driver="xhci_hcd")
    m.add("00:16.0", "0000:00", "8086:7ae8", "078000",
          "Intel Corporation Alder Lake-S PCH HECI Controller #1",
          bars=[bar(0, 4 << 10, 64, False)], driver="mei_me")
    slot = m.port("00:1a.0", "0000:00", "8086:7ac8",
                  "Intel Corporation Alder Lake-S PCH PCI Express Root Port #25")
    m.nvme("03:00.0", slot)
    m.add("00:1f.4", "0000:00", "8086:7aa3", "0c0500",
          "Intel Corporation Alder Lake-S PCH SMBus Controller",
          bars=[bar(0, 256, 64, False)], driver="i801_smbus")
    return m


def two_sockets_listed():
    """Skylake servers: host bridges that are in the list, on both sockets, and a switch."""
    m = Machine()
    m.host("0000:00", "8086:2020", "Intel Corporation Sky Lake-E DMI3 Registers")
    a = m.port("17:00.0", "0000:17", "8086:2030",
               "Intel Corporation Sky Lake-E PCI Express Root Port A")
    up = m.switch("18:00.0", a, "10b5:9733", "Broadcom / LSI PEX 9733 PCI Express Switch")
    for n, acs in enumerate((OFF, OFF, ISOLATED)):
        down = m.down(f"19:{4 * n:02x}.0", up, "10b5:9733",
                      "Broadcom / LSI PEX 9733 PCI Express Switch", acs)
        if n == 2:
            m.nic("1c:00.0", down)
        else:
            m.nvme(f"{0x1a + n:02x}:00.0", down)
    m.add("80:04.0", "0000:80", "8086:2021", "088000",
          "Intel Corporation Sky Lake-E CBDMA Registers", "integrated endpoint",
          bars=[bar(0, 16 << 10, 64, False)], driver="ioatdma")
    m.add("80:05.0", "0000:80", "8086:2024", "088000",
          "Intel Corporation Sky Lake-E MM/Vt-d Configuration Registers", "integrated endpoint")
    b = m.port("85:00.0", "0000:85", "8086:2030",
               "Intel Corporation Sky Lake-E PCI Express Root Port A")
    m.gpu("86:00.0", b, "NVIDIA Corporation GV100GL [Tesla V100 PCIe 32GB]", "10de:1db6",
          32 << 30)
    c = m.port("85:02.0", "0000:85", "8086:2032",
               "Intel Corporation Sky Lake-E PCI Express Root Port C")
    m.nic("87:00.0", c)
    m.nic("87:00.1", c)
    return m


def two_sockets_old():
    """Haswell servers: each host bridge routes between its own ports only."""
    m = Machine()
    m.host("0000:00", "8086:2f00", "Intel Corporation Xeon E7 v3/Xeon E5 v3/Core i7 DMI2")
    name = "Intel Corporation Xeon E7 v3/Xeon E5 v3/Core i7 PCI Express Root Port"
    a = m.port("00:02.0", "0000:00", "8086:2f04", name + " 2")
    m.gpu("03:00.0", a, "NVIDIA Corporation GP100GL [Tesla P100 PCIe 16GB]", "10de:15f8",
          16 << 30)
    b = m.port("00:03.0", "0000:00", "8086:2f08", name + " 3", "0028")
    m.nvme("04:00.0", b)
    m.port("00:03.2", "0000:00", "8086:2f0a", name + " 3")
    m.port("80:00.0", "0000:80", "8086:2f01", name + " 0")
    c = m.port("80:02.0", "0000:80", "8086:2f04", name + " 2", "0020")
    m.nic("82:00.0", c)
    m.port("80:03.0", "0000:80", "8086:2f08", name + " 3")
    return m


def gpu_box(cpu=("AuthenticAMD", 25)):
    """GPUs, network cards and disks in fours below switches; ACS off below one of them."""
    m = Machine(cpu)
    for root, bus, acs in (("0000:00", 0x01, OFF), ("0000:80", 0x81, ISOLATED)):
        m.host(root, "1022:1480", "Advanced Micro Devices, Inc. [AMD] Starship/Matisse "
               "Root Complex")
        port = m.port(f"{root[5:]}:01.1", root, "1022:1483",
                      "Advanced Micro Devices, Inc. [AMD] Starship/Matisse GPP Bridge")
        up = m.switch(f"{bus:02x}:00.0", port, "1000:c010",
                      "Broadcom / LSI PEX880xx PCIe Gen 4 Switch")
        for n in range(5):
            down = m.down(f"{bus + 1:02x}:{n:02x}.0", up, "1000:c010",
                          "Broadcom / LSI PEX880xx PCIe Gen 4 Switch", acs)
            below = f"{bus + 2 + n:02x}:00.0"
            if n < 2:
                m.gpu(below, down)
            elif n == 2:
                m.nic(below, down)
            elif n == 3:
                m.nvme(below, down)
    return m


def gpu_box_intel():
    """The same behind host bridges that nobody has tried."""
    m = gpu_box(("GenuineIntel", 6))
    for f in m.functions:
        if f["id"] == "1022:1480":
            f.update(id="8086:1980", name="Intel Corporation a root complex of no list")
    return m


def virtual_functions():
    """A card with virtual functions; with its own ACS; and one with two functions."""
    m = Machine(override="0000:01:00.0-0000:03:00.0")
    m.host("0000:00", "8086:3e1f", "Intel Corporation 8th Gen Core Processor Host Bridge")
    a = m.port("00:01.0", "0000:00", "8086:1901", "Intel Corporation PCIe Controller (x16)")
    physical = m.nic("01:00.0", a, acs=OFF)
    for n in (1, 2):
        m.nic(f"01:00.{n}", a, physical_function=physical, acs=OFF, driver="vfio-pci")
    b = m.port("00:1b.0", "0000:00", "8086:a340", "Intel Corporation Cannon Lake PCH", OFF)
    m.nic("02:00.0", b)
    m.nic("02:00.1", b)
    c = m.port("00:1d.0", "0000:00", "8086:a330", "Intel Corporation Cannon Lake PCH")
    m.nvme("03:00.0", c, iommu="identity")
    return m


def volume_management():
    """Disks behind a volume management device: a domain of 32 bits, with its own root bus."""
    m = Machine()
    m.host("0000:00", "8086:9a36", "Intel Corporation 11th Gen Core Processor Host Bridge")
    m.add("00:0e.0", "0000:00", "8086:9a0b", "010400",
          "Intel Corporation Volume Management Device NVMe RAID Controller",
          "integrated endpoint", bars=[bar(0, 32 << 20), bar(2, 32 << 20, 32, False)],
          driver="vmd")
    for n in (0, 1):
        port = m.port(f"10000:e0:1{n}.0".replace("1", "0", 0), "10000:e0", "8086:9a09",
                      "Intel Corporation 11th Gen Core Processor PCIe Controller", OFF)
        m.nvme(f"10000:e{n + 1}:00.0", port, iommu=None, iommu_group=None)
    # The same numbers in another domain.
    port = m.port("0000:e0:10.0", "0000:e0", "8086:9a09",
                  "Intel Corporation 11th Gen Core Processor PCIe Controller", OFF)
    m.nvme("0000:e1:00.0", port)
    return m


def arm_server():
    """No x86 processor, a domain for each slot, nothing at 00.0."""
    m = Machine(None)
    for domain in (2, 4):
        root = f"{domain:04x}:00"
        port = m.port(f"{root}:01.0", root, "1def:e111",
                      "Ampere Computing, LLC Altra PCI Express Root Port a1")
        m.nvme(f"{domain:04x}:01:00.0", port)
    m.functions[-1]["bus_offset"] = -0x300000000000
    return m


def conventional():
    """A bridge to conventional PCI, and what nobody may read without being root."""
    m = Machine()
    m.host("0000:00", "8086:1237", "Intel Corporation 440FX - 82441FX PMC [Natoma]")
    bridge = m.add("00:1e.0", "0000:00", "8086:244e", "060401",
                   "Intel Corporation 82801 PCI Bridge", acs="unknown")
    for n in (1, 2):
        m.add(f"04:0{n}.0", bridge, "1102:0002", "040100", "Creative Labs EMU10k1",
              acs="unknown", bars=[bar(0, 4096, 32, False)], driver="snd_emu10k1",
              iommu="DMA")
    return m


def not_root():
    """A server as it looks to who is not root: no capability can be read."""
    m = two_sockets_listed()
    m.port("90:02.0", "0000:90", "8086:2032",
           "Intel Corporation Sky Lake-E PCI Express Root Port C")
    m.nvme("91:00.0", "0000:90:02.0")
    for f in m.functions:
        f["port"] = None
        del f["acs"]
    return m


def nested():
    """A switch in a switch, both with free ports, as have two more elsewhere; a card apart."""
    m = Machine()
    m.host("0000:00", "8086:4660", "Intel Corporation 12th Gen Core Processor Host Bridge")
    name = "Broadcom / LSI PEX880xx PCIe Gen 4 Switch"
    outer = m.switch("01:00.0", m.port("00:01.0", "0000:00", "8086:460d", "a port"),
                     "1000:c010", name)
    inner = m.switch("03:00.0", m.down("02:00.0", outer, "1000:c010", name, OFF), "1000:c010",
                     name)
    m.down("02:01.0", outer, "1000:c010", name, OFF)
    m.gpu("05:00.0", m.down("04:00.0", inner, "1000:c010", name, OFF))
    m.down("04:01.0", inner, "1000:c010", name, OFF)
    m.nvme("08:00.0", m.port("00:06.0", "0000:00", "8086:464d", "a port"))
    m.switch("41:00.0", m.port("00:07.0", "0000:00", "8086:464d", "a port"), "1000:c010", name)
    m.down("42:00.0", "0000:41:00.0", "1000:c010", name)
    m.switch("81:00.0", m.port("80:01.0", "0000:80", "8086:460d", "a port"), "1000:c010", name)
    m.down("82:00.0", "0000:81:00.0", "1000:c010", name)
    return m


def thunderbolt():
    """Docks in a row, more of them than are looked at; and devices without any memory."""
    m = Machine()
    m.host("0000:00", "8086:461d", "Intel Corporation 12th Gen Core Processor Host Bridge")
    above = m.port("00:07.0", "0000:00", "8086:466e",
                   "Intel Corporation Alder Lake-P Thunderbolt 4 PCI Express Root Port #0")
    bridge = "Intel Corporation Thunderbolt 4 Bridge [Goshen Ridge 2020]"
    for n in range(16):
        up = m.switch(f"{2 * n + 1:02x}:00.0", above, "8086:0b26", bridge)
        above = m.down(f"{2 * n + 2:02x}:01.0", up, "8086:0b26", bridge, OFF)
        m.add(f"{2 * n + 2:02x}:00.0", up, "8086:0b27", "0c0330",
              "Intel Corporation Thunderbolt 4 NHI and USB", "endpoint", driver="xhci_hcd")
    m.nvme("21:00.0", above)
    return m


def no_devices():
    m = Machine()
    m.host("0000:00", "8086:29c0", "Intel Corporation 82G33/G31/P35/P31 Express DRAM Controller")
    return m


# Each with the pairs that are explained.
MACHINES = {
    "desktop": (desktop, ["01:00.0 02:00.0", "01:00.0 01:00.1"]),
    "two-sockets-listed": (two_sockets_listed, ["1a:00.0 1b:00.0", "1a:00.0 1c:00.0",
                                                "86:00.0 87:00.0", "86:00.0 1a:00.0",
                                                "80:04.0 86:00.0"]),
    "two-sockets-old": (two_sockets_old, ["03:00.0 04:00.0", "03:00.0 82:00.0"]),
    "gpu-box": (gpu_box, ["03:00.0 05:00.0", "83:00.0 85:00.0", "03:00.0 83:00.0"]),
    "gpu-box-intel": (gpu_box_intel, ["83:00.0 85:00.0", "03:00.0 86:00.0"]),
    "virtual-functions": (virtual_functions, ["01:00.1 01:00.0", "01:00.0 03:00.0",
                                              "02:00.0 02:00.1", "01:00.0 02:00.0",
                                              "02:00.0 02:00.0"]),
    "volume-management": (volume_management, ["10000:e1:00.0 10000:e2:00.0",
                                              "e1:00.0 10000:e1:00.0"]),
    "arm-server": (arm_server, ["0002:01:00.0 0004:01:00.0"]),
    "conventional": (conventional, ["04:01.0 04:02.0"]),
    "not-root": (not_root, ["1a:00.0 1b:00.0", "86:00.0 1a:00.0", "86:00.0 91:00.0"]),
    "nested": (nested, ["05:00.0 08:00.0"]),
    "thunderbolt": (thunderbolt, ["02:00.0 20:00.0", "21:00.0 20:00.0"]),
    "no-devices": (no_devices, []),
}


def recording(name):
    return copy.deepcopy(MACHINES[name][0]().recording)
