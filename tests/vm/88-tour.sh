#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The five minutes of docs/tour.md: its commands, in their order, in one shell.
#
# vm-topology: ssd-bar
# vm-set: bar_size=64M
# vm-modules-available: vfio-pci peerbuf_core vfio_pci_peerbuf vfio_iommu_peerbuf
# vm-needs: docs/tour.md
# vm-timeout: 120
. vm/tap.sh
set -u
[ "$SSD_BDF $BAR_BDF" = "0000:01:00.0 0000:02:00.0" ] || bail "the tour has other devices"

# Blocks under a mark, each in a file; beside it the exit statuses that its commands may have.
awk '/^<!-- runs/ { armed = 1; status = $0; sub(/^<!-- runs:? */, "", status); sub(/ *-->$/, "", status); next }
	armed && /^```sh$/ { inside = 1; armed = 0; n++; file = sprintf("/tmp/block%02d", n)
		print (status ? status : "0") >(file ".status"); printf "" >file; next }
	/^```$/ { inside = 0 }
	inside { print >file }' docs/tour.md
blocks=$(ls /tmp/block?? | wc -l)
[ "$blocks" -ge 9 ]
ok $? "the tour has commands"

for block in /tmp/block??; do
	while IFS= read -r command; do
		# In this shell, as one types them: variables and background jobs stay.
		eval "$command" >>/tmp/out 2>&1
		status=$?
		case " $(cat "$block.status") " in
		*" $status "*) ok 0 "$command" ;;
		*)
			ok 1 "$command"
			diag "status $status"
			;;
		esac
	done <"$block"
done
cat /tmp/out >&2

# What the text says that one sees.
like "$(cat /tmp/out)" "This machine can be made ready|This machine is ready" "the doctor"
like "$(cat /tmp/out)" "Every byte arrived" "data"
like "$(tr -s ' ' </tmp/out | tr '\n' '|')" "Revokes: 1\|Restores: 1\|" "a revoke and a restore"
like "$(cat /tmp/map)" "is live, mapped" "the importer is told that access is back"
like "$(cat /tmp/map)" "is dead, not mapped" "and that it is gone"
is "$(tail -n 3 /tmp/out | head -n 1)" "There are no buffers." "in the end there is nothing"
