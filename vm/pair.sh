# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# In a guest: ssd-exporter and ssd-importer as two processes that are told what to do,
# line by line, and the evidence that the kernel gives. After vm/tap.sh.

_pair=/tmp/pair
mkdir -p "$_pair"

# Give devices to their drivers: bind BDF DRIVER
bind() {
	peerbuf device bind "$1" "$2" >/dev/null
}

# start NAME FD COMMAND...: run a program whose lines go in through descriptor FD and come
# out of descriptor FD + 1. Its first line is in $reply, its process in $NAME_pid.
start() {
	_name=$1 _in=$2 _out=$(($2 + 1))
	shift 2
	rm -f "$_pair/$_name.in" "$_pair/$_name.out"
	mkfifo "$_pair/$_name.in" "$_pair/$_name.out"
	"$@" <"$_pair/$_name.in" >"$_pair/$_name.out" 2>"$_pair/$_name.err" &
	eval "${_name}_pid=$!"
	eval "exec $_in>$_pair/$_name.in $_out<$_pair/$_name.out"
	reply_from "$_name" "$_out"
}

# One line of answer in $reply; fails on "error:", the end of the program or silence.
reply_from() { # NAME FD
	reply=
	if ! read -r -t "${PATIENCE:-60}" reply <&"$2"; then
		reply="error: $1 gave no answer: $(cat "$_pair/$1.err")"
	fi
	case $reply in
	error:*) return 1 ;;
	esac
}

tell_exporter() { echo "$*" >&4; }
hear_exporter() { reply_from exporter 5; }
exporter() { tell_exporter "$@" && hear_exporter; }
tell_importer() { echo "$*" >&6; }
hear_importer() { reply_from importer 7; }
importer() { tell_importer "$@" && hear_importer; }

start_exporter() { # BDF RANGE...
	_args="--device $1 --socket $_pair/socket"
	shift
	for _range in "$@"; do
		_args="$_args --range $_range"
	done
	rm -f "$_pair/socket"
	# shellcheck disable=SC2086 # words
	start exporter 4 ssd-exporter $_args
}

start_importer() { # BDF [OPTION...]
	_bdf=$1
	shift
	start importer 6 ssd-importer --device "$_bdf" --socket "$_pair/socket" "$@"
}

# field KEY: the value of KEY=VALUE in $reply
field() {
	printf '%s\n' "$reply" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1
}

# Wait for a process of ours; its exit status.
ended() { # PID
	wait "$1"
}

# IOMMU faults of a device inside an IOVA range, as the kernel has logged them so far.
# QEMU reports the first fault of a burst only, and the kernel limits its lines, so this
# tells that there were faults, not how many.
faults() { # BDF IOVA LENGTH
	dmesg | sed -n "s/.*DMAR: \[DMA .*Request device \[\(0000:\)\{0,1\}${1#0000:}\] fault addr \(0x[0-9a-f]*\).*/\2/p" |
	(
		n=0
		while read -r addr; do
			[ $((addr)) -ge $(($2)) ] && [ $((addr)) -lt $(($2 + $3)) ] &&
				n=$((n + 1))
		done
		echo $n
	)
}

# The kernel's own account of the order of things, in its trace: unmaps in IOMMUs, states
# of buffers, bus resets and writes to configuration space.
_tracing=/sys/kernel/tracing

watch_kernel() {
	echo 'p:watch/bus_reset pci_bridge_secondary_bus_reset' >$_tracing/kprobe_events
	echo 'p:watch/config_write pci_user_write_config_word' >>$_tracing/kprobe_events
	echo 'p:watch/config_write_byte pci_user_write_config_byte' >>$_tracing/kprobe_events
	echo 1 >$_tracing/events/watch/enable
	echo 1 >$_tracing/events/iommu/unmap/enable
	echo 1 >$_tracing/events/peerbuf/enable
	watch_again
}

watch_again() {
	echo >$_tracing/trace
}

# Time stamp, in microseconds, of the first line of the trace with an event: when unmap:
when() { # EVENT
	sed -n "s/.* \([0-9]*\)\.\([0-9]*\): $1.*/\1\2/p" $_tracing/trace | head -n 1
}

# Was the mapping gone, and the buffer REVOKED, before an event?
gone_before() { # EVENT
	_unmap=$(when unmap:) _revoked=$(when 'peerbuf_state: buffer=[0-9]* revoking -> revoked')
	_event=$(when "$1")
	[ -n "$_unmap" ] && [ -n "$_revoked" ] && [ -n "$_event" ] &&
		[ "$_unmap" -lt "$_event" ] && [ "$_revoked" -lt "$_event" ] && return
	diag "unmapped at $_unmap, revoked at $_revoked, $1 at $_event us"
	return 1
}
