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

# What was there once stays, in its version: the packages' list of symbols is never shortened.
sed -n 's/^ \(peerbuf_[a-z0-9_]*@[A-Z_0-9.]*\) .*/\1/p' "$root/debian/libpeerbuf0.symbols" |
	sort >"$work/recorded"
[ "$(wc -l <"$work/recorded")" -ge 40 ]
ok $? "symbols are recorded"
sed 's/@@/@/' "$work/versioned" | grep -v '^PEERBUF_' | sort >"$work/today"
comm -23 "$work/recorded" "$work/today" >"$work/lost"
[ ! -s "$work/lost" ]
ok $? "none of those that programs may use is lost" "$work/lost"
comm -13 "$work/recorded" "$work/today" >"$work/new"
[ ! -s "$work/new" ]
ok $? "new ones are recorded, too" "$work/new"

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

# Every function has its page.
while read -r name; do
	page=$build/man/$name.3
	link=$(sed -n 's/^\.so man3\///p' "$page" 2>/dev/null)
	grep -q "^\.Fo $name\$" "$build/man/${link:-$name.3}" 2>/dev/null &&
		grep -q "^\.Ss \(.*, \)*$name\(, .*\)*\$" "$build/man/${link:-$name.3}" || echo "$name"
done <"$work/header" >"$work/without"
[ ! -s "$work/without" ]
ok $? "every function has a page of section 3, with its prototype and a text" "$work/without"
if command -v mandoc >/dev/null; then
	for page in $(grep -L '^\.so ' "$build"/man/*.3) "$root"/man/*.[78]; do
		mandoc -T lint -W warning "$page"
	done >"$work/log" 2>&1
	[ ! -s "$work/log" ]
	ok $? "the pages are well-formed" "$work/log"
else
	ok 0 "the pages are well-formed # SKIP there is no mandoc"
fi
"$root/scripts/man3" "$root/lib/peerbuf.h" "$work/man"
diff -r -x .made "$work/man" "$build/man" >"$work/diff"
ok $? "they are those of the header of today" "$work/diff"
printf '/* -------------------------------- new part */\n/* Does. */\nint peerbuf_new(void);\n' |
	cat "$root/lib/peerbuf.h" - >"$work/new.h"
"$root/scripts/man3" "$work/new.h" "$work/man" 2>/dev/null
[ $? -eq 1 ]
ok $? "a part of the header that has no page is noticed"

# pkg-config's file leads to the header and the library.
sed "s|^prefix=.*|prefix=$work/prefix|" "$build/lib/libpeerbuf.pc" >"$work/libpeerbuf.pc"
mkdir -p "$work/prefix/lib" "$work/prefix/include/linux"
cp "$build"/lib/libpeerbuf.so* "$work/prefix/lib"
cp "$root/lib/peerbuf.h" "$work/prefix/include"
cp "$root/include/uapi/linux/peerbuf.h" "$work/prefix/include/linux"
if command -v pkg-config >/dev/null; then
	# shellcheck disable=SC2046 # words
	"${CC:-cc}" -std=c11 "$work/program.c" -o "$work/installed" \
		$(PKG_CONFIG_PATH=$work pkg-config --cflags --libs libpeerbuf) 2>"$work/log"
	ok $? "a program builds with pkg-config" "$work/log"
	is_version=$(PKG_CONFIG_PATH=$work pkg-config --modversion libpeerbuf)
	[ "$is_version" = "$(cat "$root/VERSION")" ]
	ok $? "which knows the version"
else
	ok 0 "pkg-config # SKIP it is not there"
fi

# Nothing that a library has to leave to the program.
nm -D --undefined-only "$build/lib/libpeerbuf.so" | awk '{ sub(/@.*/, "", $2); print $2 }' |
	grep -xE 'exit|_exit|abort|printf|fprintf|puts|fputs|putchar|perror|vprintf|vfprintf|signal|sigaction|__printf_chk|__fprintf_chk|stdout|stderr|err|errx|warn|warnx' >"$work/forbidden"
[ ! -s "$work/forbidden" ]
ok $? "it does not print, exit or catch signals" "$work/forbidden"
objdump -t "$build/lib/libpeerbuf.so" |
	awk '$3 == "O" && $4 ~ /^\.(data|bss)$/ || $4 == "*COM*" { print $NF }' |
	grep -vE '^(completed\.[0-9]+|__dso_handle|__TMC_END__)$' >"$work/globals"
[ ! -s "$work/globals" ]
ok $? "it has no variables that threads could share" "$work/globals"

echo "1..$count"
exit $failed
