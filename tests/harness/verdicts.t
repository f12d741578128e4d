#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm/run fails, and says why, when a guest misbehaves in any of these ways.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs a guest script, given on standard input; sets status.
guest() { # NAME [OPTION...]
	local name=$1
	shift
	cat >"$work/$name.sh"
	vm/run --workdir "$work/$name" "$@" "$work/$name.sh" >"$work/output" 2>&1
	status=$?
}

said() { # EXTENDED-REGEX
	grep -Eq -- "$1" "$work/output"
}

guest exits <<'G'
echo "ok 1 - fine"
echo "not ok 2 # SKIP as cmocka says it"
exit 3
G
[ "$status" -eq 3 ]
ok $? "the guest's exit status is vm/run's" "$work/output"
said "^not ok 3 - the guest's program exited with status 3"
ok $? "and it is a failed test point" "$work/output"
said '^ok 2 # SKIP as cmocka says it$'
ok $? "a test that was left out is not one that failed" "$work/output"
said '^1\.\.4$'
ok $? "the plan counts the harness's points, too" "$work/output"

guest fails <<'G'
echo "ok 1 - fine"
echo "not ok 2 - broken"
echo "ok 3 - fine again"
echo "WARNING: not the kernel, only the guest's output" >&2
G
[ "$status" -eq 1 ]
ok $? "a failed test point in the guest fails the run" "$work/output"
said '^ok 4 - the kernel log is clean$'
ok $? "what the guest prints is no part of the kernel log" "$work/output"

guest warns <<'G'
echo "WARNING: CPU: 0 PID: 1 at fake.c:1 fake" >/dev/kmsg
echo "ok 1 - fine"
G
[ "$status" -eq 1 ]
ok $? "a kernel warning fails the run" "$work/output"
said '^not ok 2 - the kernel log is clean'
ok $? "as a test point of its own" "$work/output"
said '^# .*WARNING: CPU: 0 PID: 1 at fake'
ok $? "which shows the warning" "$work/output"

guest expects <<'G'
# vm-expect-log: at fake\.c:1
echo "WARNING: CPU: 0 PID: 1 at fake.c:1 fake" >/dev/kmsg
echo "ok 1 - fine"
G
ok "$status" "a warning that the test expects is no failure" "$work/output"

guest races <<'G'
race() {
	printf '%s\n' "BUG: KCSAN: data-race in one / other" "write to 0xffff888001 of 4 bytes by task 1:" \
		" one+0x10/0x20$1" "read to 0xffff888001 of 4 bytes by task 2:" " other+0x10/0x20" \
		"=================================" | while read -r line; do echo "$line" >/dev/kmsg; done
}
race
[ -z "$OURS" ] || race " [vfio_pci_peerbuf]"
echo "ok 1 - fine"
G
ok "$status" "a data race of the kernel's own is no failure" "$work/output"
guest races-of-ours --env OURS=yes <"$work/races.sh"
[ "$status" -eq 1 ] && [ "$(grep -c '^# .*KCSAN' "$work/output")" -eq 1 ] && said '^# .*vfio_pci_peerbuf'
ok $? "one with code of ours in it is" "$work/output"

guest crashes <<'G'
echo "ok 1 - fine"
echo c >/proc/sysrq-trigger
G
[ "$status" -ne 0 ]
ok $? "a kernel crash fails the run" "$work/output"
said "^not ok 2 - the machine ran until the guest's program ended"
ok $? "the program's end is missed" "$work/output"
said '^# .*sysrq: Trigger a crash|^# .*Kernel panic - not syncing: sysrq'
ok $? "the kernel's report is shown" "$work/output"

# Long enough to boot in on a busy machine, or there would be nothing to have come to.
guest hangs --timeout 30 <<'G'
echo "ok 1 - begins"
sleep 1000
G
[ "$status" -eq 124 ]
ok $? "a guest that does not end is stopped" "$work/output"
said "^not ok 2 - the guest's program ended within 30 seconds"
ok $? "the failure names the limit" "$work/output"
said '^# the last test point was: ok 1 - begins'
ok $? "and how far the guest had come" "$work/output"

guest silent </dev/null
said "^not ok 1 - the guest's program reported a test point"
ok $? "a program without any test ok fails" "$work/output"

guest stumbles <<'G'
echo "Oops: int3: 0000 [#1]" >/dev/kmsg
echo b >/proc/sysrq-trigger
sleep 60
G
[ "$status" -ne 0 ]
ok $? "a machine that the emulator breaks each time fails the run" "$work/output"
[ "$(grep -c 'it is started again' "$work/output")" -eq 2 ]
ok $? "but it has two more chances" "$work/output"

# Without a machine: mistakes are told in a sentence.
guest mistaken --topology no-such </dev/null
said '^vm/run: there is no topology no-such; there are .*plain'
ok $? "an unknown topology is named, with those that exist" "$work/output"
guest mistaken --set colour=red </dev/null
said '^vm/run: topology plain has no variable colour'
ok $? "an unknown variable is named" "$work/output"

guest lacks <<'G'
# vm-kernel-config: CONFIG_PCI CONFIG_NO_SUCH_THING
echo "ok 1 - must not run"
G
[ "$status" -eq 0 ] && said '^1\.\.0 # SKIP kernel .* has no CONFIG_NO_SUCH_THING$' && ! said '^ok'
ok $? "a test that wants what the kernel was not built with is skipped" "$work/output"

guest has <<'G'
# vm-kernel-config: CONFIG_PCI CONFIG_UDMABUF
echo "ok 1 - runs"
G
[ "$status" -eq 0 ] && said '^ok 1 - runs'
ok $? "one that wants what it has is run" "$work/output"

plan
