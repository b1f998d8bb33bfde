# Aquarium. A newcomer needs only `make up` and `make check`; both install what is missing.
# `make help` prints the lines that begin with "make" here: each target has one.
#
#   make                     build everything into build/
#   make up                  install what is missing, build, start a one-machine cluster with /aquarium mounted
#   make down                stop exactly that cluster; keep its state
#   make check               install what is missing, build, run all tests
#   make check-debian        run both in a fresh root of another Debian: RELEASE=trixie
#   make install             install into PREFIX (/usr/local) below DESTDIR; see docs/install.md
#   make uninstall           remove exactly what that installed
#   make man                 write the manual pages to build/man/
#   make format              format every C file as .clang-format says
#   make check-format        fail if a C file has another format
#   make check-openapi       compile a client that npm's openapi-typescript generates from the OpenAPI document
#   make check-includes      fail if a folder includes what it may not
#   make check-events        fail if a form of an event has changed under an old version
#   make events-lock         record the form of new events and versions in schema/model/events.lock
#   make tests               build the unit tests
#   make test-NAME           build and run tests/unit/test_NAME.c
#   make objects             compile everything, without linking: CC=clang shows its warnings
#   make bench               measure everything, write docs/performance.md; NAMES="decisions reads" for some
#   make bench-peers         compare with etcd, Slurm and Docker's swarm, which it installs from Debian's packages: eight minutes
#   make abuse               measure how much misbehaving clients slow down others: three minutes
#   make abuse-programs      build the programs for that
#   make torture             cut the power in a recorded log and cluster, LIVES=50; then kill the processes of a private
#                            cluster under load: ROUNDS=300; SEED=number
#   make sim                 break a cluster on virtual time: SEEDS=2000 FIRST=1, or SEED=number TRACE=1
#   make sim-mutants         plant known faults and find each with the simulator; NAMES="spinning" for some
#   make fuzz                fuzz every decoder and parser with clang, FUZZ_SECONDS=60 each
#   make fuzz-short          the same, two minutes of processors in all
#   make fuzz-replay         run the kept corpora of tests/fuzz/corpus, without libFuzzer
#   make fuzzers             build the fuzz targets
#   make packages            fail if a library is missing or too old
#   make clean               remove build/
#   make help                print this
#
# VARIANT=asan builds with AddressSanitizer and UBSan into build/asan, VARIANT=tsan with ThreadSanitizer; CC chooses the compiler.

MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh
CC := gcc
VARIANT := release
BUILD := build/$(VARIANT)
# As many jobs as there are processors, unless the caller has chosen a number already.
JOBS = $(if $(findstring -j,$(MAKEFLAGS))$(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# Debian 13 calls it msgpack-c, Debian 12 msgpack.
MSGPACK = $(eval MSGPACK := $(shell pkg-config --exists msgpack-c && echo msgpack-c || echo msgpack))$(MSGPACK)
PACKAGES = raft lmdb nanomsg libsodium gnutls openssl libmicrohttpd $(MSGPACK) jansson yaml-0.1 fuse3 libcurl libevent_core libevent_extra libseccomp
RAFT_LEAST := 0.22.1
# Read once, and only when something is built: `make up` installs the libraries first.
# A program loads only the libraries that it uses; aq loads libcurl itself (tools/aq/http.h).
LIBRARIES = $(eval LIBRARIES := -Wl,--as-needed $(shell pkg-config --libs $(PACKAGES)))$(LIBRARIES)
INCLUDES = $(eval INCLUDES := $(shell pkg-config --cflags $(PACKAGES)))$(INCLUDES)
CFLAGS_release := -O2
# Line numbers are enough for the reports of sanitizers, and the rest of the debug information takes long to build.
CFLAGS_asan := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan := -O1 -g1 -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_fuzz := -O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_lint := -O0 -g0
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
            -Wno-missing-field-initializers
ifneq ($(findstring clang,$(CC)),clang)
WARNINGS += -Wno-format-truncation
endif
# _FORTIFY_SOURCE does not work with the sanitizers.
HARDENING_release := -D_FORTIFY_SOURCE=2 -fstack-protector-strong
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DFUSE_USE_VERSION=312 -I. -g $(WARNINGS) $(CFLAGS_$(VARIANT)) \
             $(HARDENING_$(VARIANT)) $(INCLUDES) $(CFLAGS)

sources = $(sort $(wildcard $(1)/*.c) $(wildcard $(1)/*/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

SCHEMA := $(call sources,schema)
# For programs that send no messages and check no signatures, so that they load neither nanomsg nor GnuTLS.
SCHEMA_SILENT := $(filter-out $(addprefix schema/wire/,uplink_nanomsg.c signature.c join.c joiner.c ask.c),$(SCHEMA))
# The driver libvirt is a program of its own, and is built where its libraries are.
LIBVIRT := $(filter-out drivers/libvirt/main.c,$(wildcard drivers/libvirt/*.c))
LIBVIRT_PACKAGES := libvirt libarchive
LIBVIRT_PARTS := $(addprefix drivers/,output.c roster.c schedule.c lease.c keeper/log.c keeper/tree.c container/program.c program/serve.c program/channel.c program/hello.c)
HAS_LIBVIRT := $(shell pkg-config --exists $(LIBVIRT_PACKAGES) 2>/dev/null && echo yes)
DRIVERS := $(filter-out drivers/libvirt/%,$(call sources,drivers))
CGROUP := $(call sources,drivers/cgroup)
STATE := $(call sources,controller/state) $(call sources,controller/lmdb)
CONTROLLER := $(filter-out controller/main.c,$(call sources,controller)) $(CGROUP)
AGENT := $(filter-out agent/main.c,$(call sources,agent))
FS := $(filter-out fs/main.c,$(call sources,fs))
AQ := $(filter-out tools/aq/main.c,$(call sources,tools/aq))
MAN := $(filter-out tools/man/main.c,$(call sources,tools/man))
CONFIGS := controller/settings/settings.c agent/settings/settings.c fs/settings/settings.c
MAINS := controller/main.c agent/main.c fs/main.c tools/aq/main.c tools/man/main.c tools/check/schema_check.c drivers/program/output/main.c \
         drivers/program/lease/main.c
UNIT_LIBVIRT := $(wildcard tests/unit/test_libvirt*.c tests/unit/test_drivers_conformance_libvirt*.c)
UNIT := $(filter-out $(if $(HAS_LIBVIRT),,$(UNIT_LIBVIRT)),$(wildcard tests/unit/test_*.c))
TESTS_LIB := $(wildcard tests/lib/*.c)
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
TORTURE := $(patsubst %,tests/torture/%.c,torture cluster victims rest load check)
LOST := $(patsubst %,tests/torture/%.c,lostwrites lostdisk loststore record)
SIM := $(wildcard tests/sim/*.c)
SIM_DRIVERS := drivers/lease.c drivers/left.c drivers/output.c drivers/roster.c drivers/schedule.c $(call sources,drivers/test)
BENCH := $(wildcard tests/bench/*.c)
PEERS := $(wildcard tests/bench/peers/*.c)
ABUSE := $(wildcard tests/abuse/*.c)
PARTS := $(SCHEMA) $(DRIVERS) $(CONTROLLER) $(AGENT) $(FS) $(AQ) $(MAN)

BINARIES := $(addprefix $(BUILD)/,aq-controller aq-agent aq-fs aq)
# They lie in libexec: what agents and drivers start.
HELPERS := $(BUILD)/aq-output $(BUILD)/aq-lease
# What unit tests start.
SERVED := $(BUILD)/tests/aq-driver-served
UNIT_BINARIES := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT))
FUZZ_BINARIES := $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/fuzz/%,$(FUZZ))
BENCH_BINARIES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH))
PEERS_BINARIES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(PEERS))
ABUSE_BINARIES := $(patsubst tests/abuse/%.c,$(BUILD)/abuse/%,$(ABUSE))

.PHONY: all up down bench bench-peers abuse abuse-programs check check-debian format check-format check-includes check-events events-lock tests fuzz \
        fuzzers fuzz-short fuzz-replay objects man install uninstall clean packages help FORCE
all: $(BINARIES) $(HELPERS) $(if $(HAS_LIBVIRT),$(BUILD)/aq-driver-libvirt) check-events

help:
	@sed -n 's/^#   make/make/p' Makefile

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Changes when the compiler or its flags change, so that everything is built again.
$(BUILD)/flags: FORCE | packages
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' >$@

packages:
	@pkg-config --exists $(PACKAGES) || { pkg-config --print-errors --exists $(PACKAGES); \
	    echo "libraries are missing: run tools/setup.sh as root" >&2; exit 1; }
	@pkg-config --atleast-version=$(RAFT_LEAST) raft || { \
	    echo "libraft is version $$(pkg-config --modversion raft), but $(RAFT_LEAST) is needed: older ones can lose committed entries" >&2; \
	    echo "(see docs/dependencies.md); on Debian 12 tools/setup.sh installs it from the backports suite" >&2; exit 1; }

$(BUILD)/aq-controller: $(call objects,controller/main.c $(CONTROLLER) $(SCHEMA))
$(BUILD)/aq-agent: $(call objects,agent/main.c $(AGENT) $(DRIVERS) $(SCHEMA))
$(BUILD)/aq-fs: $(call objects,fs/main.c $(FS) $(CGROUP) $(STATE) $(SCHEMA))
$(BUILD)/aq: $(call objects,tools/aq/main.c $(AQ) $(CGROUP) $(SCHEMA_SILENT))
$(BUILD)/man-pages: $(call objects,tools/man/main.c $(MAN) $(AQ) $(CGROUP) $(CONFIGS) $(SCHEMA_SILENT))
$(BUILD)/schema-check: $(call objects,tools/check/schema_check.c $(SCHEMA_SILENT))
$(BUILD)/aq-driver-libvirt: LINK_LIBRARIES = $(shell pkg-config --libs $(LIBVIRT_PACKAGES))
$(BUILD)/aq-driver-libvirt: $(call objects,drivers/libvirt/main.c $(LIBVIRT) $(LIBVIRT_PARTS) $(SCHEMA_SILENT))
$(BUILD)/aq-output: $(call objects,drivers/program/output/main.c drivers/keeper/log.c drivers/output.c $(call sources,schema/base))
$(BUILD)/aq-lease: $(call objects,drivers/program/lease/main.c drivers/lease.c $(call sources,schema/base))
$(BINARIES) $(HELPERS) $(BUILD)/aq-driver-libvirt $(BUILD)/schema-check $(BUILD)/man-pages:
	$(link)

# How every program is linked. A group of targets may add to LINK_FLAGS and LINK_LIBRARIES.
define link
@mkdir -p $(@D)
$(CC) $(ALL_CFLAGS) $(LINK_FLAGS) $^ -o $@ $(LIBRARIES) $(LINK_LIBRARIES) -lm -lpthread $(LDFLAGS)
endef

# A test is one file, linked with the helpers that it uses (tests/lib) and with everything except the mains. Those other
# files are first linked into one object, once for all tests.
$(BUILD)/everything.o: $(call objects,$(PARTS))
	$(CC) -r -nostdlib $^ -o $@

$(BUILD)/tests/lib.a: $(call objects,$(TESTS_LIB))
	@rm -f $@
	$(AR) rc $@ $^

TESTED := $(BUILD)/tests/lib.a $(BUILD)/everything.o

$(UNIT_BINARIES): LINK_LIBRARIES := -lcmocka
LIBVIRT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_LIBVIRT))
$(LIBVIRT_TESTS): LINK_LIBRARIES = -lcmocka $(shell pkg-config --libs $(LIBVIRT_PACKAGES))
$(LIBVIRT_TESTS): $(call objects,$(LIBVIRT))
$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(TESTED)
	$(link)

# A driver as a program, beside the tests that start it.
$(SERVED): $(BUILD)/tests/served/served.o $(TESTED)
	$(link)

tests: $(UNIT_BINARIES) $(SERVED) $(HELPERS) $(BUILD)/sim $(BUILD)/torture $(BUILD)/lostwrites $(BUILD)/slowdisk.so $(BUILD)/wallclock.so

# One program that starts, loads and kills a cluster; see tests/torture/torture.h.
$(BUILD)/torture: $(call objects,$(TORTURE)) $(TESTED)
	$(link)

$(BUILD)/lostwrites: LINK_LIBRARIES := -ldl
$(BUILD)/lostwrites: $(call objects,$(LOST) tests/lib/chance.c tests/lib/cluster.c tests/lib/directory.c $(CONTROLLER) $(SCHEMA))
	$(link)

# Loaded before libc: a disk that is slow, a wall clock that is set.
$(BUILD)/%.so: tests/torture/%.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE -I. -g -O2 -fPIC -shared $(WARNINGS) $< -o $@ -ldl

# Lives of a cluster on virtual time; see docs/simulation.md.
# The drivers are the simulator's (tests/sim/driver.c). It sees what is given to the writer (requests.c), what agents
# write (death.c, renames.c), and what is sealed (frames.c).
$(BUILD)/sim: LINK_FLAGS := $(foreach name,writer_submit aq_sealed_seal renameat unlinkat fsync $(addprefix home_,add end remove note_over prune sweep),-Wl,--wrap=$(name))
$(BUILD)/sim: $(call objects,$(SIM) $(addprefix tests/lib/,chance.c directory.c identities.c) $(CONTROLLER) $(filter-out agent/programs.c,$(AGENT)) $(SIM_DRIVERS) $(SCHEMA))
	$(link)

SEEDS := 2000
FIRST := 1
TRACE :=
.PHONY: sim sim-mutants
sim: $(BUILD)/sim
	@$(BUILD)/sim $(if $(SEED),--seed $(SEED) $(if $(TRACE),--trace,--shrink),--seeds $(SEEDS) --first $(FIRST) --shrink)
sim-mutants:
	@MAKE='$(MAKE)' JOBS='$(JOBS)' SEEDS='$(SEEDS)' tests/sim/mutants.sh $(or $(NAMES),all)

ROUNDS := 300
LIVES := 50
SEED :=
.PHONY: torture
torture: $(BINARIES) $(BUILD)/torture $(BUILD)/lostwrites
	@$(BUILD)/lostwrites --lives $(LIVES) $(if $(SEED),--seed $(SEED))
	@BUILD=$(BUILD) $(BUILD)/torture --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

# A fuzz target is linked in the same way: with libFuzzer in the variant fuzz, else with a main that replays files.
FUZZ_MAIN := $(if $(filter fuzz,$(VARIANT)),,$(BUILD)/tests/fuzz/replay_main.o)
$(FUZZ_BINARIES): LINK_FLAGS := $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer)
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(TESTED)
	$(link)

$(BUILD)/fuzz-seeds: $(BUILD)/tests/fuzz/seeds.o $(TESTED)
	$(link)

$(BUILD)/openapi-print: $(BUILD)/tests/openapi/print.o $(TESTED)
	$(link)

.PHONY: check-openapi
check-openapi: $(BUILD)/openapi-print
	@BUILD=$(BUILD) tests/openapi/check.sh

FUZZ_SECONDS := 60
fuzzers: $(FUZZ_BINARIES)
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz CC=clang fuzzers
	@tests/fuzz/run.sh each $(FUZZ_SECONDS)
fuzz-short:
	@$(MAKE) --no-print-directory -s VARIANT=fuzz CC=clang fuzzers
	@tests/fuzz/run.sh total 120
fuzz-replay: $(FUZZ_BINARIES)
	@tests/fuzz/run.sh replay $(FUZZ_BINARIES)

# A benchmark is one file, too. Those whose names begin with plain_ are baselines, and contain none of our code.
$(BUILD)/bench/plain_%: $(BUILD)/tests/bench/plain_%.o
	$(link)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(TESTED)
	$(link)

# An abuse test is one file, too. The programs start the real processes, and mount.sh starts the file view.
$(BUILD)/abuse/%: $(BUILD)/tests/abuse/%.o $(TESTED)
	$(link)

abuse-programs: $(ABUSE_BINARIES)
abuse: $(BINARIES) $(ABUSE_BINARIES)
	@BUILD=$(BUILD) tests/abuse/run.sh

bench: all $(BENCH_BINARIES) $(SERVED)
	@BUILD=$(BUILD) tests/bench/run.sh $(NAMES)

bench-peers: $(BINARIES) $(PEERS_BINARIES)
	@BUILD=$(BUILD) tests/bench/peers/run.sh $(NAMES)

# Everything that can be compiled, without linking: to see a second compiler's warnings.
objects: $(call objects,$(PARTS) $(wildcard $(MAINS)) $(UNIT) $(TESTS_LIB) $(wildcard tests/fuzz/*.c) $(SIM) $(BENCH) $(PEERS) $(ABUSE) tests/served/served.c)

test-%: $(BUILD)/tests/test_% $(SERVED) $(HELPERS)
	timeout 300 $<

# Every event in a log must stay readable: see schema/model/events.lock.
check-events: $(BUILD)/events.checked
$(BUILD)/events.checked: $(BUILD)/schema-check schema/model/events.lock
	@$< schema/model/events.lock
	@touch $@

events-lock: $(BUILD)/schema-check
	@$< schema/model/events.lock --write

# The manual pages are made from the registry, the settings, the usage texts, the drivers' options, and the examples.
man: build/man/.made
build/man/.made: $(BUILD)/man-pages $(wildcard tools/examples/*.yml)
	@mkdir -p $(@D)
	@$< $(@D) tools/examples/mac.yml
	@touch $@

PREFIX := /usr/local
DESTDIR :=
install: all man
	@BUILD=$(BUILD) PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' tools/install.sh install
uninstall:
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' tools/install.sh uninstall

check-format:
	@tools/check/format.sh
check-includes:
	@tools/check/includes.sh

format:
	@tools/check/format.sh --write

up:
	@tools/setup.sh
	@$(MAKE) --no-print-directory -s $(BUILD)/flags
	@# Exclude these two targets, which make always builds: with them nothing would be up to date.
	@[ $(BUILD)/aq -nt $(BUILD)/flags ] && $(MAKE) --no-print-directory -q -o $(BUILD)/flags -o packages all 2>/dev/null || \
	    echo "building into $(BUILD)"
	@$(MAKE) --no-print-directory -s $(JOBS) all
	@tools/up.sh

down:
	@tools/down.sh

check:
	@tools/setup.sh check
	@MAKE='$(MAKE)' JOBS='$(JOBS)' tools/check/check.sh

RELEASE := trixie
check-debian:
	@tools/setup.sh debian
	@tools/check/debian.sh '$(RELEASE)'

clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
