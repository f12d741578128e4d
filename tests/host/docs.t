#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The documents against the code: whatever in them can be compared is compared here.
set -u
cd "$(dirname "$0")/../.." || exit 1
. vm/tap.sh
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cc=${CC:-cc}

# The file may have no line: each is something wrong.
nothing() { # FILE NAME
	[ ! -s "$1" ]
	ok $? "$2" "$1"
}

# Guards against a pattern that finds nothing any more.
at_least() { # NUMBER FILE NAME
	[ "$(wc -l <"$2")" -ge "$1" ]
	ok $? "$3" "$2"
}

documents() {
	find . \( -name .git -o -path ./build \) -prune -o -name '*.md' -print | sort
}

sources() {
	find kernel include lib tools examples demo tests scripts vm/lib man debian completion -type f \
		! -path 'kernel/compat/generated/*' ! -path 'kernel/compat/probes/build/*' \
		! -name '*.md' ! -name docs.t | sort
}

#------------------------------------------------------------------------ states

cat >"$work/arcs.c" <<'END'
#include <stdio.h>
#include <linux/peerbuf/state.h>

int main(void)
{
	for (int from = 0; from < PEERBUF_NR_STATES; from++)
		for (int to = 0; to < PEERBUF_NR_STATES; to++)
			if (peerbuf_state_legal(from, to))
				printf("%s %s\n", peerbuf_state_name(from), peerbuf_state_name(to));
	return 0;
}
END
"$cc" -D_GNU_SOURCE -std=gnu11 -Iinclude -o "$work/arcs" "$work/arcs.c" kernel/core/state.c \
	>"$work/log" 2>&1
ok $? "the table of arcs can be asked" "$work/log"
"$work/arcs" | sort >"$work/legal"
sed -n 's/^| \(LIVE\|REVOKING\|REVOKED\|DEAD\) | \(LIVE\|REVOKING\|REVOKED\|DEAD\) |.*/\1 \2/p' \
	docs/states.md | tr '[:upper:]' '[:lower:]' | sort >"$work/told"
at_least 1 "$work/told" "docs/states.md has a table of arcs"
diff "$work/legal" "$work/told" >"$work/diff"
ok $? "its arcs are those of kernel/core/state.c" "$work/diff"

sed -n 's/^	PEERBUF_CAUSE_\([A-Z]*\),.*/\1/p' include/linux/peerbuf/state.h >"$work/causes"
at_least 1 "$work/causes" "there are causes"
while read -r cause; do
	grep -q "^| $cause |" docs/states.md || echo "$cause"
done <"$work/causes" >"$work/missing"
nothing "$work/missing" "docs/states.md explains every cause"

#------------------------------------------------------------------ error numbers

# Rows of the tables in the header's comments: three blanks, a number, its meaning.
sed -n 's/^ \*   \(E[A-Z0-9]*\)  *[^ ].*/\1/p' include/uapi/linux/peerbuf.h | sort -u >"$work/errnos"
at_least 13 "$work/errnos" "the user ABI's header has a table of error numbers"
while read -r number; do
	grep -q "^|[^|]*\<$number\>" docs/uapi.md || echo "$number"
done <"$work/errnos" >"$work/missing"
nothing "$work/missing" "docs/uapi.md has every one of them in a table"

sed -n 's/^#define \(PEERBUF_[A-Z_]*\)[ 	].*PEERBUF_IOC(.*/\1/p' include/uapi/linux/peerbuf.h \
	>"$work/ioctls"
at_least 6 "$work/ioctls" "the user ABI has ioctls"
# Each in a snippet, that is, in a call.
while read -r name; do
	grep -q "ioctl(.*\<$name\>" docs/uapi.md || echo "$name"
done <"$work/ioctls" >"$work/missing"
nothing "$work/missing" "docs/uapi.md has a snippet of each"

#---------------------------------------------------------------------- snippets

# The C blocks of a document under this mark, one after the other.
blocks() { # MARK DOCUMENT
	awk -v mark="$1" '
		$0 == mark { armed = 1; next }
		armed && /^```c$/ { armed = 0; inside = 1; next }
		/^```$/ { inside = 0 }
		inside { print }
		!inside && NF { armed = 0 }' "$2"
}

blocks '<!-- compiles -->' docs/uapi.md >"$work/uapi.c"
at_least 50 "$work/uapi.c" "docs/uapi.md has snippets"
"$cc" -D_GNU_SOURCE -std=gnu11 -O1 -Wall -Wextra -Werror -Iinclude/uapi -Ilib -c \
	-o "$work/uapi.o" "$work/uapi.c" >"$work/log" 2>&1
ok $? "they compile" "$work/log"

kernel=$(scripts/kernel path "${PEERBUF_KERNEL:-stock}" 2>/dev/null)
generated=$PWD/build/kernel-${PEERBUF_KERNEL:-stock}/kernel/compat/generated
mkdir "$work/module"
for doc in docs/driver-api.md docs/importing.md; do
	blocks '<!-- compiles: module -->' "$doc"
done >"$work/module/example.c"
at_least 200 "$work/module/example.c" "docs/driver-api.md and docs/importing.md have examples"
if [ -n "$kernel" ] && [ -e "$generated/peerbuf_compat.h" ]; then
	cat >"$work/module/Kbuild" <<END
ccflags-y := -I$PWD/include -I$PWD/kernel/compat/include -I$generated
ccflags-y += -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
ccflags-y += -Wno-missing-field-initializers -Wno-missing-prototypes -Wno-missing-declarations
END
	make -C "$kernel/build" M="$work/module" example.o >"$work/log" 2>&1
	ok $? "they compile as a kernel module" "$work/log"
else
	skip "they compile as a kernel module" "the modules have not been built"
fi

# The headers' contracts, by the kernel's own tool, where its source has been unpacked.
kernel_doc=$(find "$kernel/root/usr/src" "$kernel/root/usr/lib" -path '*/scripts/kernel-doc' \
	2>/dev/null | head -n 1)
if [ -n "$kernel_doc" ]; then
	for header in include/linux/peerbuf/*.h include/uapi/linux/peerbuf.h; do
		perl "$kernel_doc" -none -Wall "$header" 2>&1
	done >"$work/missing"
	nothing "$work/missing" "kernel-doc understands all of the headers"
else
	skip "kernel-doc understands all of the headers" "the kernel's package has no kernel-doc"
fi

# Every name that a header declares, or that a macro makes, has its own comment.
for header in include/linux/peerbuf/*.h; do
	sed -n 's/^#define \(DMA_BUF_[A-Z0-9_]*\)(.*/\1/p' "$header"
	awk '/^(static inline |const |extern )?[a-z].*[ *](dma_buf|peerbuf)_[a-z_]*\(/ ||
	     /^(dma_buf|peerbuf)_[a-z_]*\(/' "$header" | sed 's/(.*//; s/.*[ *]//'
done | sort -u >"$work/public"
at_least 50 "$work/public" "the headers have public names"
while read -r name; do
	grep -qE "^ \* $name( -|\(\) -)" include/linux/peerbuf/*.h || echo "$name"
done <"$work/public" >"$work/missing"
nothing "$work/missing" "each has a contract"

# The references that are made of them have all of these.
if [ -n "$kernel_doc" ]; then
	scripts/reference "$work/reference" >"$work/log" 2>&1
	ok $? "references can be made of the headers" "$work/log"
	while read -r name; do
		grep -qE "\\.\\. c:(function|macro|type|struct|enum):.*\\<$name\\>" "$work/reference/kernel-api.rst" ||
			echo "$name"
	done <"$work/public" >"$work/missing"
	nothing "$work/missing" "they have every public name"
	sed -n 's/^struct \([a-z_]*\) {/\1/p' include/uapi/linux/peerbuf.h | while read -r name; do
		grep -q "c:struct:: $name\$" "$work/reference/uapi.rst" || echo "$name"
	done >"$work/missing"
	nothing "$work/missing" "and every structure of the user ABI"
fi

# Pictures are what the code says.
scripts/pictures --check >"$work/missing" 2>&1
nothing "$work/missing" "the pictures are those of the code of today"

#---------------------------------------------------------------------- messages

# A message is the first code span of a row; it is cut where something is filled in.
# shellcheck disable=SC2016 # a backtick of markdown, here and below
sed -n 's/^| `\([^`]*\)`.*/\1/p' docs/troubleshooting.md >"$work/messages"
at_least 30 "$work/messages" "docs/troubleshooting.md has messages"
sources | grep -v '^tests/' | tr '\n' '\0' | xargs -0 cat >"$work/sources"
sed 's/…/\n/g' "$work/messages" | sed 's/^[ ();:]*//; s/[ (;:]*$//' | grep '...' |
	while IFS= read -r piece; do
		grep -qF -- "$piece" "$work/sources" || printf '%s\n' "$piece"
	done >"$work/missing"
nothing "$work/missing" "every one of them is in the sources"

# What the modules write to the log is for people to act on.
grep -rhoE 'pr_warn[a-z_]*\("[^"]*' kernel --include='*.c' | sed 's/.*"//' |
	sed 's/%[a-z]*/\n/g; s/\\n//g' | grep '........' | sed 's/^ *//; s/ *$//' >"$work/warnings"
at_least 3 "$work/warnings" "the modules have warnings"
while IFS= read -r piece; do
	# The prefix names the module or the buffer.
	piece=${piece#vfio_iommu_peerbuf: }
	case $piece in "buffer"*) continue ;; esac
	grep -qF -- "${piece#: }" docs/troubleshooting.md || printf '%s\n' "$piece"
done <"$work/warnings" >"$work/missing"
nothing "$work/missing" "docs/troubleshooting.md explains what the modules write to the log"

#------------------------------------------------------------------------- names

documents | while IFS= read -r doc; do
	grep -oE '\<peerbuf_[a-z0-9_]+\(\)' "$doc" | sort -u | sed "s|^|$doc |"
done >"$work/functions"
at_least 30 "$work/functions" "the documents name functions"
grep -oE '\<peerbuf_[a-z0-9_]+\>' "$work/sources" | sort -u >"$work/known"
while read -r doc name; do
	grep -qx "${name%()}" "$work/known" || echo "$doc: $name"
done <"$work/functions" >"$work/missing"
nothing "$work/missing" "each of these exists"

grep -rhoE 'module_param[a-z_]*\([a-z_0-9]+' kernel --include='*.c' | sed 's/.*(//' \
	>"$work/parameters"
at_least 5 "$work/parameters" "the modules have parameters"
while read -r name; do
	grep -q "^| \`$name\` |" docs/vfio-pci.md docs/container.md || echo "$name"
done <"$work/parameters" >"$work/missing"
nothing "$work/missing" "a table explains each"

sed -n 's/^TRACE_EVENT(\([a-z_]*\),/\1/p' kernel/core/trace.h >"$work/events"
at_least 10 "$work/events" "there are tracepoints"
while read -r name; do
	grep -q "^| \`$name\` |" docs/observing.md || echo "$name"
done <"$work/events" >"$work/missing"
nothing "$work/missing" "docs/observing.md explains each"

{
	sed -n 's/.*debugfs_create_file("\([a-z]*\)".*/\1/p' kernel/core/debugfs.c
	# Words of a format; those of types that dump more of themselves, too.
	grep -hE 'seq_p(rintf|uts)\(' -A2 kernel/core/*.c | sed 's,\\t, ,g' |
		grep -oE '\<[a-z_]+=(%|"?$)' | sed 's/=.*//'
} | sort -u >"$work/keys"
at_least 20 "$work/keys" "debugfs has files, and words in them"
while read -r name; do
	grep -qE "^\|[^|]*\`$name\`" docs/observing.md || echo "$name"
done <"$work/keys" >"$work/missing"
nothing "$work/missing" "docs/observing.md explains each"

for c in kernel/core/*.c; do
	grep -q "^|.*\`${c##*/}\`" kernel/core/README.md || echo "$c"
done >"$work/missing"
nothing "$work/missing" "kernel/core/README.md names every file"

for c in kernel/compat/probes/*-*.c; do
	name=${c##*/}
	feature=${name%%-*} variant=${name#*-}
	# The feature's name is in the row of its first variant only.
	grep -q "^| \`$feature\` |" kernel/compat/README.md &&
		grep -q "^|.*| \`${variant%.c}\` |" kernel/compat/README.md || echo "$c"
done >"$work/missing"
nothing "$work/missing" "kernel/compat/README.md names every probe"

for h in kernel/compat/lend/*.h kernel/compat/lend/*.mk; do
	name=${h##*/}
	[ -e "kernel/compat/probes/${name%.*}.c" ] || echo "$h"
done >"$work/missing"
nothing "$work/missing" "nothing is lent for what no probe finds"

for c in kernel/compat/probes/*-*.c; do
	sed -n 2,6p "$c" | tr '\n' ' ' | grep -qE '/\* *(\* )?(From|Before) [0-9]+\.[0-9]+ ' || echo "$c"
done >"$work/missing"
nothing "$work/missing" "every probe says since when or until when"

scripts/support-matrix | diff - docs/support-matrix.md >"$work/missing" 2>&1
nothing "$work/missing" "docs/support-matrix.md is what scripts/support-matrix makes of docs/support"

grep -oE '\$\{DEMO_[A-Z]+:-' demo/run | grep -oE 'DEMO_[A-Z]+' | sort -u >"$work/variables"
at_least 4 "$work/variables" "the demo has variables"
while read -r name; do
	grep -q "^| \`$name\` |" demo/README.md || echo "$name"
done <"$work/variables" >"$work/missing"
nothing "$work/missing" "demo/README.md explains each"

#---------------------------------------------------------------------- security

# Rows of the tables of what an attacker cannot do: by what is each seen?
awk '/^\| cannot/ { table = 1; next } !/^\|/ { table = 0 } table && !/^\|-/' SECURITY.md |
	sed 's/.*| \([^|]*\) |$/\1/' >"$work/rows"
at_least 30 "$work/rows" "SECURITY.md has its tables"
tr ',' '\n' <"$work/rows" | sed 's/^ *`//; s/` *$//' >"$work/tests"
while read -r file name; do
	case $file in
	*/*) [ -s "$file" ] || echo "$file" ;;
	*) grep -q "unit_test(${name})\|[({ ]${name}[),]" "tests/abi/${file%:}" 2>/dev/null ||
		echo "$file $name" ;;
	esac
done <"$work/tests" >"$work/missing"
nothing "$work/missing" "each test that it names exists"

#------------------------------------------------------------------------- links

# Inline links outside of code; not those to other sites, nor to a place on the same page.
documents | while IFS= read -r doc; do
	# shellcheck disable=SC2016
	awk '/^```/ { code = !code; next } !code' "$doc" | sed 's/`[^`]*`//g' |
		grep -oE '\]\([^)#][^)]*\)' | sed 's/^](//; s/)$//; s/#.*//' |
		grep -vE '^[a-z]+:' | sed "s|^|$doc |"
done >"$work/links"
at_least 40 "$work/links" "the documents have links"
while read -r doc link; do
	[ -e "$(dirname "$doc")/$link" ] || echo "$doc: $link"
done <"$work/links" >"$work/missing"
nothing "$work/missing" "each leads to a file"

sources | tr '\n' '\0' | xargs -0 grep -oE '\<docs/[a-z0-9/_-]+\.md' 2>/dev/null |
	while IFS=: read -r file doc; do
		[ -e "$doc" ] || echo "$file: $doc"
	done >"$work/missing"
nothing "$work/missing" "documents that the sources refer to are there"

for doc in docs/*.md docs/design/[!0]*.md; do
	name=${doc#docs/}
	[ "$name" = README.md ] || grep -qF "($name)" docs/README.md || echo "$doc"
done >"$work/missing"
nothing "$work/missing" "docs/README.md leads to every document"

# Decisions are referred to by their numbers.
for decision in docs/design/[0-9]*.md; do
	number=$(basename "$decision" | sed 's/-.*//; s/^0*//')
	[ "$(sed -n '1s/^# \([0-9]*\)\..*/\1/p' "$decision")" = "$number" ] || echo "$decision: another number in its title"
	[ "$(ls docs/design/"$(printf '%04d' "$number")"-* | wc -l)" = 1 ] || echo "$decision: not the only one of this number"
done >"$work/wrong"
nothing "$work/wrong" "each decision has a number of its own"

plan
