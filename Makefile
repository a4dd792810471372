# SPDX-License-Identifier: BSD-2-Clause
# cardring: the library, the command, and (through Kbuild) the module.
#
#   make            userspace into build/; the module too, for each kernel whose headers are installed
#   make demo       boots a kernel in QEMU and verifies a sample card through the module
#   make check      every test: units, both rigs, static checks of the module
#   make check-conformity    CASES=: the conformity test of inspection systems, BSI TR-03105 part 5.1
#   make bench      QUICK=1: the hot path beside what people use today, in both rigs; into build/bench/
#   make fuzz       T=120: every parser under a fuzzer (clang) for so many seconds
#   make install    DESTDIR= PREFIX=/usr/local
#   KDIR=DIR        builds the module for that kernel alone;  DEPS=skip leaves the system's packages alone
#   V=1             shows each command in full

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

PREFIX ?= /usr/local
B      := build

# Where modules are built against; older kernels than 6.1 are not served.
KDIR  ?=
KDIRS := $(or $(KDIR),$(patsubst %/Makefile,%,$(sort $(wildcard $(foreach n,6 7 8 9,/lib/modules/$(n).*/build/Makefile)))))

# "  CC file" instead of the command; nothing with -s.
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
say     = $(if $(V),,@$(if $(silent),,printf '  %-7s %s\n' '$(1)' '$(or $(2),$@)';))

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
           -Wno-unused-parameter -Werror=implicit-function-declaration
PKGS    := libcrypto libudev libusb-1.0 p11-kit-1
CPPFLAGS += -D_GNU_SOURCE -DLOCALEDIR='"$(PREFIX)/share/locale"' \
           -DDATADIR='"$(PREFIX)/share/cardring"' -Iinclude -Iuserspace/lib -Iuserspace/sim -Iuserspace/picture
ALL_CFLAGS = -std=gnu11 -fPIC -fstack-protector-strong -MMD -MP $(WARN) $(CPPFLAGS) $(CFLAGS)
LIBS     = $(shell pkg-config --libs $(PKGS))
PICLIBS  = $(shell pkg-config --libs libjpeg libopenjp2 libpng)
SIMLIBS  = $(LIBS) $(PICLIBS) -lpthread
CLILIBS  = $(SIMLIBS) $(shell pkg-config --libs jansson libkmod)

LIB_SRC  := $(sort $(wildcard userspace/lib/*/*.c))
PIC_SRC  := $(sort $(wildcard userspace/picture/*.c))
SIM_SRC  := $(sort $(wildcard userspace/sim/*.c))
CLI_SRC  := $(sort $(wildcard userspace/cli/*.c))
# Some of them are against OpenPACE, and one of pcscd's handler, where those are there.
EAC      := $(shell pkg-config --exists libeac && echo yes)
PCSC     := $(shell pkg-config --exists libpcsclite && echo yes)
TEST_SRC := $(filter-out $(if $(EAC),,tests/unit/test_openpace%) $(if $(PCSC),,tests/unit/test_ifd.c),\
	    $(sort $(wildcard tests/unit/test_*.c)))
VMT_SRC  := $(sort $(wildcard tests/vm/*.c))
BENCH_SRC := $(filter-out %/bus.c,$(sort $(wildcard tests/bench/*.c)))
EXAM_SRC := $(filter-out %/lax.c,$(sort $(wildcard tests/conformity/card/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
obj       = $(patsubst %.c,$(B)/obj/%.o,$(1))
PO       := $(sort $(wildcard userspace/cli/po/*.po))
EXAMPLES := $(sort $(wildcard userspace/examples/*.c))
MO       := $(patsubst userspace/cli/po/%.po,$(B)/locale/%/LC_MESSAGES/cardring.mo,$(PO))

VERSION := $(shell sed -n 's/^\#define CLI_VERSION[^"]*"\(.*\)"/\1/p' userspace/cli/cli.h)

# pcscd's handler, where what it is built against is there.
DROPDIR = $(shell pkg-config --variable=usbdropdir libpcsclite)
IFD   := $(if $(PCSC),$(B)/ifd/libifdcardring.so $(B)/ifd/Info.plist)

TESTS := $(patsubst tests/unit/%.c,$(B)/tests/%,$(TEST_SRC))
VMT   := $(patsubst tests/vm/%.c,$(B)/tests/vm/%,$(if $(IFD),$(VMT_SRC),$(filter-out %_pcsc.c,$(VMT_SRC))))
EXAM  := $(B)/tests/conformity/card-exam $(B)/tests/conformity/card-exam-lax
BENCH := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(BENCH_SRC))

# The sample cards and their issuers: made by our own command, once a build.
samples: $(B)/sim/.made
$(B)/sim/.made: $(B)/cardring
	@rm -rf $(B)/sim
	$(call say,MAKE,$(B)/sim)$(B)/cardring sim make $(B)/sim >/dev/null
	@touch $@

.PHONY: conformity check-conformity all samples userspace module demo bench benches check install clean tests fuzz fuzzers FORCE
all: userspace samples $(if $(KDIRS),module)

userspace: $(B)/libcardring.so $(B)/libcardring.a $(B)/libcardring-sim.a $(B)/cardring $(MO) \
	$(patsubst userspace/%.c,$(B)/%,$(EXAMPLES)) $(IFD)
tests: userspace $(TESTS) $(VMT) $(EXAM)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/libcardring.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(B)/libcardring-sim.a: $(call obj,$(SIM_SRC))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

# Only these know OpenJPEG.
$(call obj,userspace/picture/jp2.c userspace/sim/portrait.c tests/unit/test_picture.c): \
	CPPFLAGS += $(shell pkg-config --cflags libopenjp2)

# Only this one knows p11-kit.
$(call obj,userspace/lib/eid/token.c): CPPFLAGS += $(shell pkg-config --cflags p11-kit-1)

# Not in the library: who links that needs no picture library.
$(B)/libcardring-picture.a: $(call obj,$(PIC_SRC))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

# What the public headers declare is what the library gives; the rest of its names are its own.
API := $(sort $(wildcard include/cardring/*.h))
$(B)/libcardring.map: $(API)
	@mkdir -p $(@D)
	@{ echo 'CARDRING_0 {'; echo 'global:'; \
	   sed -nE -e 's/^[^ \t*].*[ *](cr_[a-z0-9_]+)\(.*/\t\1;/p' -e 's/^extern .*[ *](cr_[a-z0-9_]+);.*/\t\1;/p' $(API); \
	   echo 'local: *;'; echo '};'; } >$@

$(B)/libcardring.so: $(call obj,$(LIB_SRC)) $(B)/libcardring.map
	$(call say,LD)$(CC) -shared -Wl,-soname,libcardring.so.0 -Wl,--version-script=$(B)/libcardring.map $(LDFLAGS) \
		-o $@ $(filter %.o,$^) $(LIBS)

$(B)/cardring: $(call obj,$(CLI_SRC)) $(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CLILIBS)

# It exports what pcscd asks for, and nothing of the library in it.
IFD_OBJ := $(call obj,$(sort $(wildcard userspace/ifd/*.c)))
$(IFD_OBJ) $(call obj,tests/unit/test_ifd.c): CPPFLAGS += $(shell pkg-config --cflags libpcsclite)
$(IFD_OBJ): ALL_CFLAGS += -fvisibility=hidden
$(B)/ifd/libifdcardring.so: $(IFD_OBJ) $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -shared -Wl,--exclude-libs,ALL $(LDFLAGS) -o $@ $^ $(LIBS) -lpthread

# What the command looks for is where it goes.
$(call obj,userspace/cli/host.c): CPPFLAGS += $(if $(IFD),-DPCSC_DROP_DIR='"$(DROPDIR)"')

# The readers that it may be asked for: all that are known. name, interface, idVendor, idProduct, bcdDevice, vendor, product
$(B)/ifd/Info.plist: userspace/ifd/plist tests/data/readers.tsv userspace/cli/cli.h
	@mkdir -p $(@D)
	$(call say,GEN)awk -F '\t' -v OFS='\t' '!/^[#@]/ { n = $$6 " " $$7; gsub(/^ +| +$$/, "", n); \
		print substr($$3, 3), substr($$4, 3), n == "" ? $$1 : n }' tests/data/readers.tsv | userspace/ifd/plist $(VERSION) >$@

# As programs outside of the tree are built: nothing but the public headers.
$(B)/examples/%: userspace/examples/%.c $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 $(WARN) $(CFLAGS) -Iinclude -MMD -MP -MF $(B)/obj/$*.example.d $(LDFLAGS) \
		-o $@ $< $(B)/libcardring.a $(LIBS)

# What PREFIX is compiled into is compiled again when it is another one.
$(B)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' >$@
$(call obj,$(shell grep -lE 'LOCALEDIR|DATADIR' $(CLI_SRC) $(SIM_SRC))): $(B)/prefix

$(B)/tests/test_cli_fail: TEST_LIBS := $(shell pkg-config --libs jansson)
$(filter $(B)/tests/test_openpace%,$(TESTS)): TEST_LIBS := $(if $(EAC),$(shell pkg-config --libs libeac))
$(B)/tests/%: $(B)/obj/tests/unit/%.o $(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(TEST_LIBS) $(SIMLIBS) -lcmocka

$(B)/tests/vm/%: $(B)/obj/tests/vm/%.o $(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(SIMLIBS) -lcmocka

# The virtual card's exam; and once more, with a card that can be told to let things pass, for the exam's own test.
$(B)/tests/conformity/card-exam: $(call obj,$(EXAM_SRC)) $(B)/libcardring-sim.a $(B)/libcardring-picture.a \
		$(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(SIMLIBS)
LAX_SRC  := $(sort $(wildcard userspace/sim/card*.c)) tests/conformity/card/main.c tests/conformity/card/lax.c
LAX_OBJ  := $(patsubst %.c,$(B)/obj/lax/%.o,$(LAX_SRC))
$(LAX_OBJ): CPPFLAGS += -DSIM_LAX
$(B)/obj/lax/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$< (lax))$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/tests/conformity/card-exam-lax: $(LAX_OBJ) $(call obj,$(filter-out $(LAX_SRC),$(EXAM_SRC))) \
		$(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(SIMLIBS)

# A PC/SC program, and nothing of ours in it.
$(B)/obj/tests/vm/pinpad_pcsc.o: CPPFLAGS += $(shell pkg-config --cflags libpcsclite)
$(B)/tests/vm/pinpad_pcsc: $(B)/obj/tests/vm/pinpad_pcsc.o
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $< $(shell pkg-config --libs libpcsclite)

# Only the program that is the host needs what the other ways are made of.
$(B)/obj/tests/bench/client.o $(B)/obj/tests/bench/scale_pcscd.o: CPPFLAGS += $(shell pkg-config --cflags libpcsclite)
$(B)/tests/bench/client: BENCH_LIBS = $(shell pkg-config --libs libpcsclite)
# The command itself, but for one function.
$(B)/tests/bench/single: $(call obj,$(CLI_SRC))
$(B)/tests/bench/single: BENCH_LIBS = $(shell pkg-config --libs libkmod) -Wl,--wrap=cr_card_transmit_batch
$(B)/tests/bench/turnaround: $(call obj,tests/bench/bus.c)
$(B)/tests/bench/scale_pcscd: BENCH_LIBS = $(shell pkg-config --libs libpcsclite)
$(B)/tests/bench/%: $(B)/obj/tests/bench/%.o $(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(SIMLIBS) $(shell pkg-config --libs jansson) $(BENCH_LIBS)

# The conformity suite: the library and the command once more, with the checks that it can take away (eid/rule.h).
ifdef CONFORMITY
CPPFLAGS += -DCR_CONFORMITY
$(call obj,userspace/cli/main.c): CPPFLAGS += -Dmain=cardring_main -Wno-missing-prototypes
$(B)/conformity: $(call obj,$(sort $(wildcard tests/conformity/*.c)) $(CLI_SRC)) $(B)/libcardring-sim.a \
	$(B)/libcardring-picture.a $(B)/libcardring.a
	$(call say,LD)$(CC) $(LDFLAGS) -o $@ $^ $(CLILIBS)
endif
conformity:
	@$(MAKE) --no-print-directory B=$(B)/conformity CONFORMITY=yes $(B)/conformity/conformity
check-conformity:
	@[ "$(DEPS)" = skip ] || tests/deps.sh build
	@$(MAKE) --no-print-directory conformity
	@$(B)/conformity/conformity -d $(B)/conformity/run --table $(B)/conformity/table.md $(CASES)

$(B)/locale/%/LC_MESSAGES/cardring.mo: userspace/cli/po/%.po
	@mkdir -p $(@D)
	$(call say,MSGFMT)msgfmt --check -o $@ $<

# One copy of the module's sources a kernel, so that several kernels' objects can stand side by side.
MODSRC := Kbuild $(wildcard kernel/*.[ch] kernel/kunit/*.[ch]) $(wildcard include/uapi/*.h)
module:
	@test -n "$(KDIRS)" || { echo "no kernel headers found: install linux-headers-amd64 or set KDIR=" >&2; exit 1; }
	@case "$(CURDIR)" in *[[:space:]:]*) \
		echo "the module is not built: kernels' makefiles take no folder with a space or colon in its path ($(CURDIR))" >&2; \
		exit $(if $(filter module,$(MAKECMDGOALS)),1,0);; esac; \
	set -e; arch=$(KARCH); for k in $(KDIRS); do \
		rel=$$(sed 's/.*"\(.*\)".*/\1/' "$$k/include/generated/utsrelease.h"); \
		d=$(B)/module/$$rel$${arch:+-$$arch}; mkdir -p $$d/kernel/kunit $$d/include/uapi; \
		for f in $(MODSRC); do cmp -s $$f $$d/$$f || cp $$f $$d/$$f; done; \
		for f in $$d/kernel/*.[ch] $$d/kernel/kunit/*.[ch]; do [ -e $${f#$$d/} ] || rm -f $$f; done; \
		$(MAKE) --no-print-directory -C "$$k" M="$(CURDIR)/$$d" $(if $(KARCH),ARCH=$(KARCH)) $(if $(V),V=1) \
			$(KFLAGS) modules; \
	done

# Each of them installs what it needs first; DEPS=skip names it instead.
demo:
	@tests/deps.sh build demo
	@$(MAKE) --no-print-directory all
	@tests/vm/demo

check:
	@tests/deps.sh build demo check kernels
	@$(MAKE) --no-print-directory -j$(shell nproc) all tests
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
$(B)/bin/%: $(B)/obj/tests/fuzz/%.o $(B)/libcardring-sim.a $(B)/libcardring-picture.a $(B)/libcardring.a
	@mkdir -p $(@D)
	$(call say,LD)$(CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(SIMLIBS)

INC   := $(DESTDIR)$(PREFIX)/include
LIB   := $(DESTDIR)$(PREFIX)/lib
SHARE := $(DESTDIR)$(PREFIX)/share
# Where pcscd looks, whatever PREFIX is.
BUNDLE = $(DESTDIR)$(DROPDIR)/ifd-cardring.bundle/Contents
define PC
prefix=$(PREFIX)
Name: libcardring
Description: Reads and verifies chip identity cards
Version: $(VERSION)
Requires.private: $(PKGS)
Libs: -L$${prefix}/lib -lcardring
Cflags: -I$${prefix}/include
endef
export PC

# The module as far as it is built; where it is not built at all, that comes first. (UML's is for the tests.)
KOS = $(filter-out %-um/cardring.ko,$(wildcard $(B)/module/*/cardring.ko))
install: userspace samples $(if $(KOS),,$(if $(KDIRS),module))
	$(if $(word 2,x$(DESTDIR)$(PREFIX)),$(error DESTDIR and PREFIX take no spaces))
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/pkgconfig $(INC)/cardring $(INC)/uapi \
		$(SHARE)/man/man1 $(SHARE)/cardring/sim $(SHARE)/doc/cardring/examples
	@install -m 755 $(B)/cardring $(DESTDIR)$(PREFIX)/bin/
	@install -m 755 $(B)/libcardring.so $(LIB)/libcardring.so.0
	@ln -sf libcardring.so.0 $(LIB)/libcardring.so
	@install -m 644 $(B)/libcardring.a $(LIB)/
	@echo "$$PC" >$(LIB)/pkgconfig/libcardring.pc
	@install -m 644 include/cardring/*.h $(INC)/cardring/
	@install -m 644 include/uapi/cardring.h $(INC)/uapi/
	@install -m 644 userspace/cli/cardring.1 $(SHARE)/man/man1/
	@install -m 644 $(EXAMPLES) $(SHARE)/doc/cardring/examples/
	@install -m 644 udev/pcscd-only.conf $(SHARE)/doc/cardring/
	@for mo in $(MO:$(B)/%=%); do install -D -m 644 $(B)/$$mo $(SHARE)/$$mo; done
	@rm -rf $(SHARE)/cardring/sim
	@install -d $(SHARE)/cardring/sim
	@cp -r $(B)/sim/cards $(B)/sim/trust $(B)/sim/terminal $(B)/sim/terminal-cfg $(SHARE)/cardring/sim/
	@chmod -R a+rX $(LIB)/pkgconfig/libcardring.pc $(SHARE)/cardring/sim
	@$(if $(IFD),install -D -m 755 $(B)/ifd/libifdcardring.so $(BUNDLE)/Linux/libifdcardring.so)
	@$(if $(IFD),install -D -m 644 $(B)/ifd/Info.plist $(BUNDLE)/Info.plist)
	@install -D -m 644 udev/70-cardring.rules $(DESTDIR)/usr/lib/udev/rules.d/70-cardring.rules
	@install -D -m 644 udev/cardring-modules-load.conf $(DESTDIR)/usr/lib/modules-load.d/cardring.conf
	@install -D -m 644 udev/cardring-modprobe.conf $(DESTDIR)/usr/lib/modprobe.d/cardring.conf
	@for ko in $(B)/module/*/cardring.ko; do \
		rel=$$(basename $$(dirname $$ko)); \
		case $$rel in *-um|'*') continue;; esac; \
		to=$(DESTDIR)/lib/modules/$$rel/updates/cardring.ko; \
		$(if $(silent),,printf '  %-7s %s\n' INSTALL $$to;) \
		install -D -m 644 $$ko $$to || exit 1; \
		[ -n "$(DESTDIR)" ] || depmod $$rel || exit 1; \
	done
	@[ -n "$(DESTDIR)" ] || [ -e $(B)/module/$$(uname -r)/cardring.ko ] || \
		echo "no module was installed for this kernel, $$(uname -r): its headers were not there (linux-headers-$$(uname -r))"
	@[ -n "$(DESTDIR)" ] || ldconfig

clean:
	rm -rf $(B)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
