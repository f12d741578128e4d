# SPDX-License-Identifier: LGPL-2.1-or-later
# libpeerbuf: one set of position independent objects serves both libraries.

BUILD ?= build
PREFIX ?= /usr/local
LIBDIR ?= $${prefix}/lib
LIB_SOVERSION := 0
LIB_VERSION := $(shell cat VERSION)

LIB_SOURCES := $(sort $(wildcard lib/*.c))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
LIB_SHARED := $(BUILD)/lib/libpeerbuf.so.$(LIB_SOVERSION)
LIB_LINK := $(BUILD)/lib/libpeerbuf.so
LIB_STATIC := $(BUILD)/lib/libpeerbuf.a
LIB_PC := $(BUILD)/lib/libpeerbuf.pc

LIB_MAN := $(BUILD)/man/.made

USER_TARGETS += $(LIB_MAN) $(LIB_SHARED) $(LIB_LINK) $(LIB_STATIC) $(LIB_PC)

$(LIB_OBJECTS): $(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC $(LIB_CPPFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/lib/version.o: LIB_CPPFLAGS = -DPEERBUF_VERSION='"$(LIB_VERSION)"'
$(BUILD)/lib/version.o: $(wildcard VERSION)

$(LIB_SHARED): $(LIB_OBJECTS) lib/libpeerbuf.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,defs \
		-Wl,--version-script=lib/libpeerbuf.map -o $@ $(LIB_OBJECTS)

$(LIB_LINK): $(LIB_SHARED)
	ln -sf $(<F) $@

# Made anew each time: ar would keep members whose source is gone.
$(LIB_STATIC): $(LIB_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(LIB_PC): lib/libpeerbuf.pc.in $(wildcard VERSION)
	@mkdir -p $(@D)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(LIB_VERSION)|' $< > $@

# The pages of section 3 are what the header says.
$(LIB_MAN): lib/peerbuf.h scripts/man3
	@rm -rf $(@D)
	scripts/man3 $< $(@D)
	@touch $@

-include $(LIB_OBJECTS:.o=.d)
