#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo with other sizes than its own, and that it fails when the data is wrong.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

job() { # NAME FILE-BYTES BAR RANGES
	head -c "$2" /dev/urandom >"$work/file"
	DEMO_WORK=build/demo-$1 DEMO_FILE=$work/file DEMO_BAR=$3 DEMO_RANGES=$4 \
		demo/run >"$work/log" 2>&1
}

job small 3000001 64M "32M:1M 1M:2M"
ok $? "3000001 bytes into a BAR of 64 MiB, in two ranges" "$work/log"

job many $((24 << 20)) 4G "3G:4K 1M:4092K 2G:8M 0x40000000:4M 512M:8M"
ok $? "24 MiB into a BAR of 4 GiB, in five ranges, one of them a page" "$work/log"

last=$(tail -n 1 "$work/log")
[[ $last == "demo passed:"* ]]
ok $? "the last line says what passed" "$work/log"

DEMO_FILE=/nonexistent demo/run >"$work/log" 2>&1
[ $? -ne 0 ] && [ "$(wc -l <"$work/log")" -eq 1 ]
ok $? "a file that is not there is one sentence" "$work/log"

job short $((4 << 20)) 64M "32M:1M 1M:2M"
[ $? -ne 0 ] && grep -q "ranges hold 3145728 bytes, the file has 4194304" "$work/log"
ok $? "ranges that cannot hold the file are one sentence" "$work/log"

plan
