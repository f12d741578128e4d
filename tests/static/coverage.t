#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which lines of the pure code and of the library's logic the host tests run, file by file.
# A line that none of them runs is printed.
set -u
cd "$(dirname "$0")/../.." || exit 1
top=$PWD
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cc=${CC:-gcc}
count=0

# Percent of the lines that must be run: less only for what is said here.
#   fdpass.c, event.c   descriptors that fail in the middle of a call
least() { # FILE
	case $1 in
	lib/fdpass.c | lib/event.c) echo 85 ;;
	*) echo 95 ;;
	esac
}

# Builds a test with counters, and runs it.
run() { # TEST FILE...
	local test=$1 name
	shift
	name=$(basename "$test" .c)
	mkdir -p "$work/$name"
	(
		cd "$work/$name" || exit 1
		"$cc" -std=gnu11 -w -O0 --coverage -D_GNU_SOURCE -DPEERBUF_VERSION='"0"' -I"$top/include" \
			-I"$top/include/uapi" -I"$top/lib" -I"$top/examples/ssd-to-device" \
			-I"$top/tests/host" -DSUITE="${name%_test}_suite" -o test "$top/$test" "${@/#/$top/}" -lcmocka &&
			"$PWD/test" >/dev/null 2>&1
	) || echo "# $test could not be built or failed"
}

listed() { # VARIABLE
	make -s -f scripts/build.mk "print-$1"
}

pure=$(listed CORE_PURE)
for test in $(listed CORE_TESTS); do
	# shellcheck disable=SC2086 # a list of words
	run "tests/kunit/${test}_test.c" tests/kunit/tried.c tests/host/kunit.c $pure
done
run tests/host/lib_caps.c lib/caps.c
run tests/host/lib_iova.c lib/iova.c
run tests/host/lib_fdpass.c lib/fdpass.c lib/event.c lib/version.c
run tests/host/lib_prp.c examples/ssd-to-device/nvme_prp.c

# Lines of all runs together: gcov counts "#####" where a test did not come along.
for file in $pure lib/caps.c lib/iova.c lib/fdpass.c lib/event.c examples/ssd-to-device/nvme_prp.c; do
	find "$work" -name "*$(basename "$file" .c).gcda" | while read -r data; do
		(cd "$(dirname "$data")" && gcov -t "$(basename "$data")" 2>/dev/null)
	done >"$work/lines"
	awk -F: -v want="$file" '
		$3 == "Source" { here = substr($4, length($4) - length(want) + 1) == want }
		here && $2 + 0 > 0 && $1 !~ /^ *-$/ { seen[$2 + 0] = 1; text[$2 + 0] = $0
			if ($1 !~ /[#=]/) ran[$2 + 0] = 1 }
		END {
			for (l in seen) { n++; if (l in ran) r++ }
			printf "%d %d\n", r, n
			for (l in seen) if (!(l in ran)) { sub(/^[^:]*:/, "", text[l]); print text[l] }
		}' "$work/lines" >"$work/report"
	read -r ran all <"$work/report"
	count=$((count + 1))
	if [ "$all" -gt 0 ] && [ $((ran * 100)) -ge $((all * $(least "$file"))) ]; then
		echo "ok $count - $file: the tests run $ran of $all lines"
	else
		echo "not ok $count - $file: the tests run $ran of $all lines"
	fi
	tail -n +2 "$work/report" | sort -n | sed 's/^/# never run: /'
done
echo "1..$count"
