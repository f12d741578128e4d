#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can be found without running anything: style, sparse, cppcheck, clang's analyzer,
# the form of kernel-doc, scripts. Each tool has to see a mistake first.
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
kernel=$(scripts/kernel path "${PEERBUF_KERNEL:-stock}") || exit 1
count=0

# Passes when the command succeeds and prints nothing.
silent() { # NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$work/out" 2>&1 && [ ! -s "$work/out" ]; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		head -n 60 "$work/out" | sed 's/^/# /'
	fi
}

# Passes when the command finds something, and what it prints says so.
finds() { # TOOL REGEX COMMAND...
	local tool=$1 regex=$2
	shift 2
	count=$((count + 1))
	"$@" >"$work/out" 2>&1
	if grep -Eq "$regex" "$work/out"; then
		echo "ok $count - $tool finds a mistake"
	else
		echo "not ok $count - $tool finds a mistake"
		sed 's/^/# /' "$work/out"
	fi
}

# What git knows of, or all there is where there is no git, as in a release.
files() { # PATTERN...
	local pattern
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -co --exclude-standard -- "$@"
	else
		for pattern in "$@"; do
			find . -path ./build -prune -o -path "./$pattern" -type f -print
		done
	fi | while IFS= read -r file; do
		[ ! -f "$file" ] || [ -L "$file" ] || printf '%s\n' "${file#./}"
	done | grep -v '^kernel/compat/\(generated\|probes\)/' | sort -u
}

mapfile -t KERNEL < <(files 'kernel/*.[ch]' 'include/*.h' 'tests/kmod/*.[ch]' 'tests/kunit/*.[ch]' \
	'examples/*/module/*.[ch]')
mapfile -t HEADERS < <(files 'include/*.h')
mapfile -t PURE < <(make -s -f scripts/build.mk print-CORE_PURE | tr ' ' '\n')
mapfile -t USER < <(files 'lib/*.c' 'tools/*.c' 'examples/*.c' 'tests/abi/*.c' 'tests/stress/*.c' |
	grep -v '/module/')
mapfile -t SCRIPTS < <(files '*' | xargs grep -lE '^#!/bin/(ba)?sh')
mapfile -t PYTHON < <(files '*' | xargs grep -lE '^#!/usr/bin/python3'; files '*.py')

# ---- checkpatch
style() {
	# The one structure that is filled in at run time, once.
	scripts/checkpatch "$@" | grep -v -e '^$' \
		-e 'peerbuf/vma.h:.*vm_operations_struct should normally be const'
	return 0
}
printf '// SPDX-License-Identifier: GPL-2.0\nint f(void) {\n return 1;\n}\n' >"$work/bad.c"
finds checkpatch 'open brace' scripts/checkpatch "$work/bad.c"
silent "the modules have the kernel's style" style "${KERNEL[@]}"

# ---- sparse: the modules are built once more, by a compiler that does nothing but check
mirror() { # DIRECTORY
	mkdir -p "$1"
	cp -rsf "$PWD/kernel/." "$1/kernel/"
	ln -sfn "$PWD/include" "$1/include"
	rm -rf "$1/kernel/compat/generated"
}
sparse_modules() { # DIRECTORY
	# kbuild's own CHECK lines are on standard output; a warning that stops the build.
	# The probes are not for sparse: what they find out must not depend on it.
	make -s -C "$1/kernel" KDIR="$kernel/build" compat/generated/peerbuf_compat.h || return 1
	make -s -C "$1/kernel" KDIR="$kernel/build" BTF="$kernel/btf" C=2 \
		CHECK="sparse -Wsparse-error" modules 2>&1 | grep -E '(warning|error):|\*\*\*'
	return 0
}
mirror "$work/sparse"
rm "$work/sparse/kernel/core/state.c"
{
	cat kernel/core/state.c
	echo 'int undeclared(const char __user *p);'
	echo 'int undeclared(const char __user *p) { return *p; }'
} >"$work/sparse/kernel/core/state.c"
finds sparse 'dereference of noderef' sparse_modules "$work/sparse"
rm "$work/sparse/kernel/core/state.c"
ln -s "$PWD/kernel/core/state.c" "$work/sparse/kernel/core/state.c"
silent "sparse has nothing to say of the modules" sparse_modules "$work/sparse"

# ---- kernels differ in kernel/compat only
versions() {
	grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION|UTS_RELEASE|linux/version\.h|PEERBUF_HAVE_' "$@" |
		grep -v '^kernel/compat/'
	return 0
}
printf '#if LINUX_VERSION_CODE > 0\n#endif\n' >"$work/bad.c"
finds "the search for versions" LINUX_VERSION_CODE versions "$work/bad.c" /dev/null
silent "only kernel/compat knows that kernels differ" versions "${KERNEL[@]}" kernel/Kbuild \
	tests/kmod/Kbuild

# ---- cppcheck
check_c() {
	cppcheck -q --enable=warning,portability,performance --error-exitcode=1 --inline-suppr \
		--suppress=unknownMacro \
		--std=c11 --template='{file}:{line}: {id}: {message}' "$@"
}
printf 'int f(void) { int a[3] = { 0 }; return a[3]; }\n' >"$work/bad.c"
finds cppcheck arrayIndexOutOfBounds check_c "$work/bad.c"
# It cannot parse what TRACE_EVENT() makes of its arguments.
silent "cppcheck has nothing to say of the modules" check_c --suppress=internalAstError -D__KERNEL__ -DCONFIG_64BIT \
	--include=tests/static/cppcheck.h -Iinclude -Iinclude/uapi "${KERNEL[@]}"
silent "cppcheck has nothing to say of the rest" check_c -D_GNU_SOURCE \
	-DPEERBUF_VERSION='"0"' -Iinclude/uapi -Ilib "${USER[@]}"

# ---- clang's analyzer, which follows paths through a function
analyze() {
	local file
	# shellcheck disable=SC2046 # words
	for file in "$@"; do
		clang --analyze --analyzer-output text -Xclang -analyzer-werror -D_GNU_SOURCE \
			-include tests/static/analyzer.h \
			-DPEERBUF_VERSION='"0"' -Iinclude -Iinclude/uapi -Ilib -Itests/host \
			-Iexamples/ssd-to-device $(pkg-config --cflags json-c libpci libtracefs) "$file" -o /dev/null || return 1
	done
}
printf 'int f(int *p) { if (p) return 0; return *p; }\n' >"$work/bad.c"
finds "the analyzer" 'null pointer' analyze "$work/bad.c"
silent "the analyzer has nothing to say of the pure code" analyze "${PURE[@]}"
# Tests may die of an environment that is not theirs.
mapfile -t SHIPPED < <(printf '%s\n' "${USER[@]}" | grep -v '^tests/')
silent "the analyzer has nothing to say of user space" analyze "${SHIPPED[@]}"

# ---- kernel-doc
documentation() {
	perl "$kernel"/root/usr/lib/linux-kbuild-*/scripts/kernel-doc -none "$@"
}
if ls "$kernel"/root/usr/lib/linux-kbuild-*/scripts/kernel-doc >/dev/null 2>&1; then
	printf '/**\n * f() - does\n */\nint f(int undescribed);\n' >"$work/bad.h"
	finds kernel-doc 'undescribed' documentation "$work/bad.h"
	silent "what the headers say has the form of kernel-doc" documentation "${HEADERS[@]}"
else
	count=$((count + 1))
	echo "ok $count # SKIP this kernel's build tree has no kernel-doc"
fi

# ---- scripts
shell() {
	# SC2154: vm/*.sh set variables that they are given the names of. SC2320: "ok $?"
	# after the command that is the test. SC1010: a field called "done".
	shellcheck -x -P . -S warning -e SC2154,SC2320,SC1010 "$@"
}
printf '#!/bin/sh\ncd somewhere\nrm -rf $1/*\n' >"$work/bad.sh"
finds shellcheck SC2164 shell "$work/bad.sh"
silent "shellcheck has nothing to say of the scripts" shell "${SCRIPTS[@]}"
printf 'import os\nprint(name)\n' >"$work/bad.py"
finds pyflakes 'undefined name' pyflakes3 "$work/bad.py"
silent "pyflakes has nothing to say of the Python" pyflakes3 "${PYTHON[@]}"

echo "1..$count"
