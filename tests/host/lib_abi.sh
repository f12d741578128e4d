#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shared library exports what its header declares, the symbol map lists the same, and
# the header serves C++ programs.
set -u
build=$(cd "$(dirname "$0")/../.." && pwd)
root=${PEERBUF_ROOT:-$(dirname "$build")}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

count=0
failed=0
ok() { # STATUS NAME [FILE with more]
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		failed=1
		echo "not ok $count - $2"
		[ -z "${3:-}" ] || sed 's/^/# /' "$3"
	fi
}

same() { # FILE FILE NAME
	diff "$1" "$2" >"$work/diff"
	ok $? "$3" "$work/diff"
}

# A declaration is a name with a parenthesis outside of comments.
"${CC:-cc}" -fpreprocessed -dD -E -P "$root/lib/peerbuf.h" | grep -oE '\bpeerbuf_[a-z0-9_]+\(' |
	tr -d '(' | sort -u >"$work/header"
grep -oE '^	peerbuf_[a-z0-9_]+;' "$root/lib/libpeerbuf.map" | tr -d '\t;' | sort >"$work/map"
nm -D --defined-only --with-symbol-versions "$build/lib/libpeerbuf.so" |
	awk '$2 != "A" { print $3 }' >"$work/versioned"
sed 's/@.*//' "$work/versioned" | sort >"$work/library"

[ "$(wc -l <"$work/header")" -gt 20 ]
ok $? "the header declares functions"
same "$work/header" "$work/map" "the symbol map lists what the header declares"
same "$work/map" "$work/library" "the library exports what the symbol map lists"
grep -v '@@PEERBUF_0\.1$' "$work/versioned" >"$work/unversioned"
[ ! -s "$work/unversioned" ]
ok $? "every symbol has a version" "$work/unversioned"
readelf -d "$build/lib/libpeerbuf.so" | grep -q 'SONAME.*\[libpeerbuf\.so\.0\]'
ok $? "the library's name for programs is libpeerbuf.so.0"

cat >"$work/program.c" <<'END'
#include <peerbuf.h>

int main(void)
{
	struct peerbuf_container *container;
	struct peerbuf_iommu_info info = {};
	int err = peerbuf_container_open(PEERBUF_IOMMU, &container);

	info.argsz = sizeof(info);
	if (!err)
		peerbuf_container_close(container);
	return peerbuf_version()[0] == '\0';
}
END
flags="-Wall -Wextra -Werror -I$root/lib -I$root/include/uapi -L$build/lib"
# shellcheck disable=SC2086 # words
"${CC:-cc}" -std=c11 $flags "$work/program.c" -o "$work/program" -lpeerbuf 2>"$work/log"
ok $? "a C program compiles and links" "$work/log"
LD_LIBRARY_PATH=$build/lib "$work/program"
ok $? "it runs with the shared library"
if command -v "${CXX:-c++}" >/dev/null; then
	# shellcheck disable=SC2086 # words
	"${CXX:-c++}" -std=c++11 -x c++ $flags "$work/program.c" -o "$work/program" -lpeerbuf \
		2>"$work/log"
	ok $? "a C++ program compiles and links" "$work/log"
else
	echo "ok $((count += 1)) - a C++ program compiles and links # SKIP no C++ compiler"
fi

# Words for numbers are those of the tracepoints, each and every one.
cat >"$work/names.c" <<'END'
#include <stdio.h>
#include <peerbuf.h>

static void print(const char *what, const char *(*name)(uint32_t), uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		printf("%s %u %s\n", what, i, name(i));
}

int main(void)
{
	print("state", peerbuf_buffer_state_name, 5);
	print("route", peerbuf_route_name, 5);
	print("reason", peerbuf_route_reason_name, 10);
	return 0;
}
END
for what in state route reason; do
	awk -v what=$what '$0 ~ "^#define peerbuf_show_" what "\\(" { inside = 1 }
		inside { print; if (!/\\$/) inside = 0 }' "$root/kernel/core/trace.h" |
		grep -oE '\{ [0-9]+, "[^"]*"' | sed "s/{ \([0-9]*\), \"\(.*\)\"/$what \1 \2/"
	# The first number that nobody knows.
	echo "$what $(sed -n "/^enum peerbuf_.*$what /,/^}/s/.*= \([0-9]*\),.*/\1/p" \
		"$root/include/uapi/linux/peerbuf.h" | wc -l) unknown"
done >"$work/traced"
# shellcheck disable=SC2086 # words
"${CC:-cc}" -std=c11 $flags "$work/names.c" -o "$work/names" -lpeerbuf 2>"$work/log" &&
	LD_LIBRARY_PATH=$build/lib "$work/names" >"$work/named"
ok $? "names can be asked for" "$work/log"
same "$work/traced" "$work/named" "they are those of the tracepoints"

echo "1..$count"
exit $failed
