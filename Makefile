# SPDX-License-Identifier: BSD-2-Clause
# cardring: the library, the command, and (through Kbuild) the module.
#
#   make            userspace into build/; the module too where kernel headers are installed
#   make demo       boots a kernel in QEMU and verifies a sample card through the module
#   make check      every test: units, both rigs, static checks of the module
#   make bench      QUICK=1: the hot path beside what people use today, in both rigs; into build/bench/
#   make fuzz       T=120: every parser under a fuzzer (clang) for so many seconds
#   make install    DESTDIR= PREFIX=/usr/local
#   KDIR=DIR        builds the module for another kernel;  DEPS=skip leaves the system's packages alone

PREFIX ?= /usr/local
B      := build

ifeq ($(KDIR),)
KDIR := $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) $(lastword $(sort $(wildcard /lib/modules/6.*-amd64/build))))
endif

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
           -Wno-unused-parameter -Werror=implicit-function-declaration
PKGS    := libcrypto libudev jansson
CPPFLAGS += -D_GNU_SOURCE -DLOCALEDIR='"$(PREFIX)/share/locale"' \
           -DDATADIR='"$(PREFIX)/share/cardring"' -Iinclude -Iuserspace/lib -Iuserspace/sim
ALL_CFLAGS = -std=gnu11 -fPIC -fstack-protector-strong -MMD -MP $(WARN) $(CPPFLAGS) $(CFLAGS)
LIBS    = $(shell pkg-config --libs $(PKGS))

LIB_SRC  := $(sort $(wildcard userspace/lib/*/*.c))
SIM_SRC  := $(sort $(wildcard userspace/sim/*.c))
CLI_SRC  := $(sort $(wildcard userspace/cli/*.c))
TEST_SRC := $(sort $(wildcard tests/unit/test_*.c))
VMT_SRC  := $(sort $(wildcard tests/vm/*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
obj       = $(patsubst %.c,$(B)/obj/%.o,$(1))
PO       := $(sort $(wildcard userspace/cli/po/*.po))
MO       := $(patsubst userspace/cli/po/%.po,$(B)/locale/%/LC_MESSAGES/cardring.mo,$(PO))

TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(TEST_SRC))
VMT   := $(patsubst tests/vm/%.c,$(B)/tests/vm/%,$(VMT_SRC))
BENCH := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(BENCH_SRC))

# The sample cards and their issuers: made by our own command, once a build.
samples: $(if $(CLI_SRC),$(B)/sim/.made)
$(B)/sim/.made: $(B)/cardring
	@rm -rf $(B)/sim
	$(B)/cardring sim make $(B)/sim
	@touch $@

.PHONY: all samples userspace module demo bench benches check check-unit check-vm check-static install clean deps tests fuzz fuzzers
all: userspace samples $(if $(wildcard $(KDIR)/Makefile),module)

userspace: $(B)/libcardring.so $(B)/libcardring.a $(B)/libcardring-sim.a $(if $(CLI_SRC),$(B)/cardring) $(MO)
tests: userspace $(TESTS) $(VMT)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/libcardring.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/libcardring-sim.a: $(call obj,$(SIM_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/libcardring.so: $(call obj,$(LIB_SRC))
	$(CC) -shared -Wl,-soname,libcardring.so.0 $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/cardring: $(call obj,$(CLI_SRC)) $(B)/libcardring-sim.a $(B)/libcardring.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs libkmod libjpeg)

$(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/libcardring-sim.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs libjpeg) -lcmocka -lpthread

$(B)/tests/vm/%: $(B)/obj/tests/vm/%.o $(B)/libcardring-sim.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs libjpeg) -lcmocka -lpthread

# Only the program that is the host needs what the other ways are made of.
$(B)/obj/tests/bench/client.o: CPPFLAGS += $(shell pkg-config --cflags libpcsclite)
$(B)/tests/bench/client: BENCH_LIBS = $(shell pkg-config --libs libusb-1.0 libpcsclite)
$(B)/tests/bench/%: $(B)/obj/tests/bench/%.o $(B)/libcardring-sim.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) $(BENCH_LIBS) $(shell pkg-config --libs libjpeg) -lpthread

$(B)/locale/%/LC_MESSAGES/cardring.mo: userspace/cli/po/%.po
	@mkdir -p $(@D)
	msgfmt --check -o $@ $<

# One copy of the module's sources a kernel, so that several kernels' objects can stand side by side.
MODSRC := Kbuild $(wildcard kernel/*.[ch] kernel/kunit/*.[ch]) include/uapi/cardring.h
module:
	@test -n "$(KDIR)" || { echo "no kernel headers found: install linux-headers-amd64 or set KDIR=" >&2; exit 1; }
	@set -e; rel=$$(sed 's/.*"\(.*\)".*/\1/' "$(KDIR)/include/generated/utsrelease.h"); arch=$(KARCH); \
	d=$(B)/module/$$rel$${arch:+-$$arch}; mkdir -p $$d/kernel/kunit $$d/include/uapi; \
	for f in $(MODSRC); do cmp -s $$f $$d/$$f || cp $$f $$d/$$f; done; \
	for f in $$d/kernel/*.[ch] $$d/kernel/kunit/*.[ch]; do [ -e $${f#$$d/} ] || rm -f $$f; done; \
	$(MAKE) --no-print-directory -C "$(KDIR)" M="$(CURDIR)/$$d" $(if $(KARCH),ARCH=$(KARCH)) $(KFLAGS) modules

# Each of them installs what it needs first; DEPS=skip names it instead.
demo:
	@tests/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@tests/vm/demo

check:
	@tests/deps.sh build demo check
	@$(MAKE) --no-print-directory all tests
	@tests/check.sh

bench:
	@tests/deps.sh build demo bench
	@$(MAKE) --no-print-directory all benches
	@tests/bench/run $(if $(QUICK),--quick)

benches: userspace $(BENCH)

# The library and the fuzzers once more, with clang and its sanitizers; seeds are the sample cards' files.
T ?= 120
FUZZ_FLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined
fuzz: samples
	@tests/deps.sh build fuzz
	@$(MAKE) --no-print-directory B=build/fuzz CC=clang-14 CFLAGS="$(FUZZ_FLAGS) -fsanitize=fuzzer-no-link" fuzzers
	@tests/fuzz/run $(T) $(B)/sim/cards

fuzzers: $(patsubst tests/fuzz/%.c,$(B)/bin/%,$(FUZZ_SRC))
$(B)/bin/%: $(B)/obj/tests/fuzz/%.o $(B)/libcardring-sim.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs libjpeg)

SHARE := $(DESTDIR)$(PREFIX)/share
install: userspace samples
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include/cardring \
		$(DESTDIR)$(PREFIX)/include/uapi $(SHARE)/man/man1 $(SHARE)/cardring/sim
	install -m 755 $(B)/cardring $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(B)/libcardring.so $(DESTDIR)$(PREFIX)/lib/libcardring.so.0
	ln -sf libcardring.so.0 $(DESTDIR)$(PREFIX)/lib/libcardring.so
	install -m 644 $(B)/libcardring.a $(DESTDIR)$(PREFIX)/lib/
	install -m 644 include/cardring/*.h $(DESTDIR)$(PREFIX)/include/cardring/
	install -m 644 include/uapi/cardring.h $(DESTDIR)$(PREFIX)/include/uapi/
	install -m 644 userspace/cli/cardring.1 $(SHARE)/man/man1/
	cp -r $(B)/locale $(SHARE)/
	cp -r $(B)/sim/cards $(B)/sim/trust $(SHARE)/cardring/sim/
	chmod -R a+rX $(SHARE)/locale/*/LC_MESSAGES/cardring.mo $(SHARE)/cardring/sim
	install -D -m 644 udev/70-cardring.rules $(DESTDIR)/usr/lib/udev/rules.d/70-cardring.rules
	install -D -m 644 udev/cardring-modules-load.conf $(DESTDIR)/usr/lib/modules-load.d/cardring.conf
	install -D -m 644 udev/cardring-modprobe.conf $(DESTDIR)/usr/lib/modprobe.d/cardring.conf
	@for ko in $(B)/module/*/cardring.ko; do \
		rel=$$(basename $$(dirname $$ko)); \
		case $$rel in *-um|*'*') continue;; esac; \
		install -D -m 644 $$ko $(DESTDIR)/lib/modules/$$rel/updates/cardring.ko; \
		[ -n "$(DESTDIR)" ] || depmod $$rel; \
	done

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
