#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# On the kernels that check themselves each kind of mistake is noticed by the kernel, and fails
# the run: the suite that runs on them can fail. "make check-debug" and "make check-kcsan" make
# what this needs.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh

kernel=${PEERBUF_KERNEL:-stock}
# What each mistake makes the kernel say.
case $kernel in
debug)
	leaks="--kmemleak"
	reports="\
use-after-free      BUG: KASAN: slab-use-after-free in use_after_free
lock-order          WARNING: possible circular locking dependency detected
sleep-in-atomic     BUG: sleeping function called from invalid context
rcu-without-lock    WARNING: suspicious RCU usage
shift               UBSAN: shift-out-of-bounds
free-active-timer   ODEBUG: free active
delete-twice        list_del corruption
dma-unmap-unmapped  DMA-API: .*device driver tries to free DMA memory it has not allocated"
	;;
kcsan)
	leaks=
	reports="\
data-race           BUG: KCSAN: data-race in unlocked_write"
	;;
*)
	echo "1..0 # SKIP kernel $kernel does not check itself: make check-debug runs this"
	exit 0
	;;
esac
if ! scripts/kernel list | grep -qx "$kernel" || [ ! -e "build/modules/$kernel/peerbuf_splat.ko" ]; then
	echo "1..0 # SKIP there is no kernel $kernel with modules for it here: make check-$kernel makes them"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program of every machine here.
cat >"$work/program.sh" <<'G'
echo "ok 1 - the module was loaded"
G

load() { # MISTAKE [OPTION...]
	local mistake=$1
	shift
	vm/run --kernel "$kernel" --workdir "$work/$mistake" --modules "peerbuf_splat,what=$mistake" \
		"$@" "$work/program.sh" >"$work/$mistake.output" 2>&1
	echo $? >"$work/$mistake.status"
}

said() { # MISTAKE EXTENDED-REGEX
	grep -Eq -- "$2" "$work/$1.output"
}

# Two machines at a time.
load nothing $leaks &
[ -z "$leaks" ] || load leak --kmemleak &
wait
while read -r mistake _; do
	load "$mistake" &
	if [ "$(jobs -r | wc -l)" -ge 2 ]; then
		wait -n
	fi
done <<<"$reports"
wait

[ "$(cat "$work/nothing.status")" -eq 0 ]
ok $? "a module that does nothing wrong passes${leaks:+, kmemleak and all}" "$work/nothing.output"

while read -r mistake report; do
	[ "$(cat "$work/$mistake.status")" -eq 1 ] && said "$mistake" '^not ok .* the kernel log is clean' &&
		said "$mistake" "^# .*$report"
	ok $? "$mistake fails the run with the kernel's report" "$work/$mistake.output"
done <<<"$reports"

if [ -n "$leaks" ]; then
	[ "$(cat "$work/leak.status")" -eq 1 ] && said leak '^not ok .* no memory of ours leaked' &&
		said leak '^# .*peerbuf_splat\+0x|^# .*\[peerbuf_splat\]' && said leak '^ok .* the kernel log is clean'
	ok $? "a leak fails the run with --kmemleak, and its backtrace names the module" "$work/leak.output"
fi

plan
