# The verbs. CI calls these and nothing else. Everything is built with --workspace, because a part alone would get its
# dependencies with fewer features, and cargo would compile them twice.

CACHE ?= $(or $(KINFOLD_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kinfold)
# In CI the checkout is new each time, and only the cache stays.
export CARGO_TARGET_DIR ?= $(if $(CI),$(CACHE)/build,$(CURDIR)/target)
export KINFOLD_CACHE := $(CACHE)
export ROCKSDB_STATIC := 1

bin := $(CARGO_TARGET_DIR)/debug
# Asked where it is needed, and not when make starts: the answer may take the compilation of RocksDB.
cargo = rocksdb=$$(deploy/dev/rocksdb.sh) && ROCKSDB_LIB_DIR="$$rocksdb" cargo

# For its printf %q.
SHELL := bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo demo-kafka build test test-nightly fuzz faults soak recovery sim sim-crashes bless check quick layers bench \
	kafka-up kafka-down env compilers announce

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: announce build ## stream a sample of every channel through all stages on the embedded log
	$(bin)/kinfold demo

demo-kafka: announce setup build ## the same on a real Apache Kafka, with three consumers as separate processes
	deploy/dev/demo-kafka.sh $(bin)

build: compilers ## all binaries
	$(cargo) build --locked --workspace --bins

setup: compilers ## get what is missing: compilers, Java and Maven, RocksDB, Apache Kafka
	@deploy/dev/setup.sh kafka
	@deploy/dev/rocksdb.sh >/dev/null
	@deploy/dev/kafka.sh fetch

# With --tests, because tests give some dependencies more features than binaries do.
test: setup ## every test, also those on a real Apache Kafka
	$(cargo) build --locked --workspace --bins --tests
	$(cargo) test --locked --workspace --no-fail-fast

test-nightly: export KINFOLD_CASES := 100000
test-nightly: test ## the same with a hundred thousand generated cases for each law

# `make test` tries each target with its seeds and with what once was found.
fuzz: MINUTES ?= 10
fuzz: compilers ## libFuzzer on what reads bytes of others: make fuzz MINUTES=n [TARGET=phone]; all if none is named
	rocksdb=$$(deploy/dev/rocksdb.sh) && ROCKSDB_LIB_DIR="$$rocksdb" deploy/dev/fuzz.sh $(MINUTES) $(TARGET)

# `make test` runs the short set of them.
faults: setup ## every fault on a real Apache Kafka (kills, crashes, cuts, full disks), as a table; some need root
	$(cargo) build --locked --workspace --bins
	$(cargo) test --locked --workspace --test faults -- --all

soak: MINUTES ?= 30
soak: setup ## random faults under load: make soak MINUTES=n [SEED=n]
	$(cargo) build --locked --workspace --bins
	$(cargo) test --locked --workspace --test faults -- --soak $(MINUTES) $(if $(SEED),--seed $(SEED))

recovery: IDENTIFIERS ?= 100000
recovery: setup ## seconds from kill -9 to work, with so many identifiers in the state: make recovery IDENTIFIERS=n
	$(cargo) build --locked --workspace --bins
	$(cargo) test --locked --workspace --test faults -- --recovery $(IDENTIFIERS)

sim: export KINFOLD_SEED = $(or $(SEED),$(error say which: make sim SEED=n))
sim: compilers ## one simulation: make sim SEED=n
	$(cargo) test --locked --workspace --test whole -- simulation --nocapture

sim-crashes: export KINFOLD_SEED = $(or $(SEED),$(error say which: make sim-crashes SEED=n))
sim-crashes: compilers ## one simulation with crashes, and what happens in it: make sim-crashes SEED=n
	$(cargo) test --locked --workspace --test whole -- crashes --nocapture

bless: export KINFOLD_BLESS := 1
bless: setup ## rewrite the expected files of the tests, and freeze new forms; read the difference before you commit it
	$(cargo) test --locked --workspace --test whole --test capture --test signals --test value -- golden in_the_table in_the_figure
	$(cargo) test --locked -p kinfold-model -p kinfold-stitch -p kinfold-profile -p kinfold-privacy --lib -- every_form

check: export RUSTDOCFLAGS := -D warnings
check: compilers quick ## format, layers, files of deploy/, lints, documentation
	$(cargo) clippy --locked --workspace --all-targets -- -D warnings
	$(cargo) doc --locked --workspace --no-deps

quick: layers ## of check, what compiles nothing
	cargo fmt --all --check
	deploy/check.sh
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check bans licenses sources; \
	else echo 'deny.toml: not checked: cargo-deny is not installed'; fi

layers: ## that the stage crates reach neither Kafka nor RocksDB nor a runtime
	deploy/dev/layers.sh

bench: build ## benchmarks
	$(bin)/kinfold-benches

kafka-up: setup ## start an Apache Kafka for yourself, and print its address
	@deploy/dev/kafka.sh start $(CACHE)/broker

kafka-down: ## stop it; its data stays
	@if [ -d $(CACHE)/broker ]; then deploy/dev/kafka.sh stop $(CACHE)/broker; fi

env: compilers ## what cargo needs when you call it yourself: eval "$(make env)"
	@rocksdb=$$(deploy/dev/rocksdb.sh) && printf 'export %s=%q\n' CARGO_TARGET_DIR '$(CARGO_TARGET_DIR)' \
		ROCKSDB_LIB_DIR "$$rocksdb" ROCKSDB_STATIC 1

compilers:
	@deploy/dev/setup.sh build

announce:
	@test -x $(bin)/kinfold || echo 'The first build takes some minutes on two cores, and about 15 more,' \
		'once, if RocksDB is not yet in $(CACHE). Later builds take seconds.'
