#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vm/run fails, and says why, when a guest misbehaves in any of these ways.
set -u
cd "$(dirname "$0")/../.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

point() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		sed 's/^/# /' "$work/output"
	fi
}

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
point $? "the guest's exit status is vm/run's"
said "^not ok 3 - the guest's program exited with status 3"
point $? "and it is a failed test point"
said '^ok 2 # SKIP as cmocka says it$'
point $? "a test that was left out is not one that failed"
said '^1\.\.4$'
point $? "the plan counts the harness's points, too"

guest fails <<'G'
echo "ok 1 - fine"
echo "not ok 2 - broken"
echo "ok 3 - fine again"
echo "WARNING: not the kernel, only the guest's output" >&2
G
[ "$status" -eq 1 ]
point $? "a failed test point in the guest fails the run"
said '^ok 4 - the kernel log is clean$'
point $? "what the guest prints is no part of the kernel log"

guest warns <<'G'
echo "WARNING: CPU: 0 PID: 1 at fake.c:1 fake" >/dev/kmsg
echo "ok 1 - fine"
G
[ "$status" -eq 1 ]
point $? "a kernel warning fails the run"
said '^not ok 2 - the kernel log is clean'
point $? "as a test point of its own"
said '^# .*WARNING: CPU: 0 PID: 1 at fake'
point $? "which shows the warning"

guest expects <<'G'
# vm-expect-log: at fake\.c:1
echo "WARNING: CPU: 0 PID: 1 at fake.c:1 fake" >/dev/kmsg
echo "ok 1 - fine"
G
point "$status" "a warning that the test expects is no failure"

guest crashes <<'G'
echo "ok 1 - fine"
echo c >/proc/sysrq-trigger
G
[ "$status" -ne 0 ]
point $? "a kernel crash fails the run"
said "^not ok 2 - the machine ran until the guest's program ended"
point $? "the program's end is missed"
said '^# .*sysrq: Trigger a crash|^# .*Kernel panic - not syncing: sysrq'
point $? "the kernel's report is shown"

# Long enough to boot in on a busy machine, or there would be nothing to have come to.
guest hangs --timeout 30 <<'G'
echo "ok 1 - begins"
sleep 1000
G
[ "$status" -eq 124 ]
point $? "a guest that does not end is stopped"
said "^not ok 2 - the guest's program ended within 30 seconds"
point $? "the failure names the limit"
said '^# the last test point was: ok 1 - begins'
point $? "and how far the guest had come"

guest silent </dev/null
said "^not ok 1 - the guest's program reported a test point"
point $? "a program without any test point fails"

guest stumbles <<'G'
echo "Oops: int3: 0000 [#1]" >/dev/kmsg
echo b >/proc/sysrq-trigger
sleep 60
G
[ "$status" -ne 0 ]
point $? "a machine that the emulator breaks each time fails the run"
[ "$(grep -c 'it is started again' "$work/output")" -eq 2 ]
point $? "but it has two more chances"

# Without a machine: mistakes are told in a sentence.
guest mistaken --topology no-such </dev/null
said '^vm/run: there is no topology no-such; there are .*plain'
point $? "an unknown topology is named, with those that exist"
guest mistaken --set colour=red </dev/null
said '^vm/run: topology plain has no variable colour'
point $? "an unknown variable is named"

guest lacks <<'G'
# vm-kernel-config: CONFIG_PCI CONFIG_NO_SUCH_THING
echo "ok 1 - must not run"
G
[ "$status" -eq 0 ] && said '^1\.\.0 # SKIP kernel .* has no CONFIG_NO_SUCH_THING$' && ! said '^ok'
point $? "a test that wants what the kernel was not built with is skipped"

guest has <<'G'
# vm-kernel-config: CONFIG_PCI CONFIG_UDMABUF
echo "ok 1 - runs"
G
[ "$status" -eq 0 ] && said '^ok 1 - runs'
point $? "one that wants what it has is run"

echo "1..$count"
