# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Test points for shell scripts: . vm/tap.sh
#
# A guest script prints test points and no plan: vm/run adds a last point about the kernel
# log, and the plan. Every other script ends with plan.

_tap_count=0
_tap_failed=0

_tap_point() { # ok|"not ok" NAME
	_tap_count=$((_tap_count + 1))
	echo "$1 $_tap_count - $2"
}

# Passes with NAME if the exit status of the command before it was 0: cmd; ok $? NAME. The
# end of LOG is shown if it was not.
ok() { # STATUS NAME [LOG]
	if [ "$1" -eq 0 ]; then
		_tap_point ok "$2"
	else
		_tap_failed=$((_tap_failed + 1))
		_tap_point "not ok" "$2"
		[ -z "${3:-}" ] || tail -n 40 "$3" | sed 's/^/# /'
		return 1
	fi
}

# The end of a script that is no guest's: how many points there were.
plan() {
	echo "1..$_tap_count"
}

# Runs a command; passes if it succeeds. What it printed is shown if it does not.
check() { # NAME COMMAND...
	_tap_name=$1
	shift
	if _tap_output=$("$@" 2>&1); then
		ok 0 "$_tap_name"
	else
		ok 1 "$_tap_name" || true
		diag "failed: $*"
		diag "$_tap_output"
		return 1
	fi
}

is() { # GOT WANTED NAME
	if [ "$1" = "$2" ]; then
		ok 0 "$3"
	else
		ok 1 "$3" || true
		diag "     got: $1"
		diag "expected: $2"
		return 1
	fi
}

like() { # GOT EXTENDED-REGEX NAME
	if printf '%s\n' "$1" | grep -Eq -- "$2"; then
		ok 0 "$3"
	else
		ok 1 "$3" || true
		diag "           got: $1"
		diag "does not match: $2"
		return 1
	fi
}

skip() { # NAME REASON
	_tap_point ok "$1 # SKIP $2"
}

# Waits until a command succeeds; a minute should do for anything that is still to come.
in_time() { # COMMAND...
	_tap_tries=0
	until "$@"; do
		_tap_tries=$((_tap_tries + 1))
		[ $_tap_tries -lt 600 ] || return 1
		sleep 0.1
	done
}

# Ends the script: none of it can run here.
skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

# Ends the script: nothing that follows would make sense.
bail() { # REASON
	diag "giving up: $1"
	ok 1 "the test could go on" || true
	exit 1
}

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}
