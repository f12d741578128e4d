# SPDX-License-Identifier: GPL-2.0-or-later
#
# What tests share that change programs of calls by what they reach.

$(BUILD)/tests/guided/guided.o: tests/guided/guided.c tests/guided/guided.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
