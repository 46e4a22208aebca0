# `make demo` shows the main job end to end; `make test` runs every test. Each installs what is missing first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

LISTEN ?= 127.0.0.1:8080
DATA ?= .cache/data
OCTAVO := .build/release/octavo

# Linting and testing pass the same flags, so that the second finds everything built by the first.
CHECKED := --explicit-target-dependency-import-check error
TESTS := swift test --skip-build --disable-xctest --parallel $(CHECKED)
# Tests with a server inside the test process run by themselves: beside conversions, which keep every thread of the pool
# busy, its handlers would wait for minutes.
SERVERS := HTTPTests|ServiceTests
PACKAGES := libssl-dev zlib1g-dev libsqlite3-dev libjpeg-dev libpng-dev pkg-config python3 curl

.PHONY: help setup build demo serve test check-aarch64 lint bench bench-setup clean distclean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 21

setup: ## Install what is missing: Debian packages, the pinned engine
	@command -v swift >/dev/null || { echo "Swift 6.3 or later is needed: https://www.swift.org/install/linux/" >&2; exit 1; }
	@Scripts/install-packages.sh $(PACKAGES)
	@Scripts/fetch-engine.sh

build: setup ## Build the release binary
	swift build -c release --product octavo

demo: build ## Quantize the example through a real server with curl, and show the report
	@Scripts/demo.sh $(OCTAVO)

serve: build ## Run a server (LISTEN=127.0.0.1:8080 DATA=.cache/data)
	$(OCTAVO) serve --listen $(LISTEN) --data $(DATA)

test: setup ## Run every test (OCTAVO_FIXTURES=DIR adds the tests on larger models)
	swift build --build-tests $(CHECKED)
	$(TESTS) --filter '$(SERVERS)'
	$(TESTS) --skip '$(SERVERS)'

check-aarch64: setup ## Hold the kernels for AArch64, run by qemu, against this machine's
	@Scripts/install-packages.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
	@Scripts/check-aarch64.sh

lint: setup ## Check format, imports and the rules of the source
	swift format lint --strict --parallel --recursive Package.swift Sources Tests
	Scripts/lint.sh
	swift build --build-tests $(CHECKED)

bench: build bench-setup ## Measure against the peers (OCTAVO_FIXTURES=DIR adds the larger models)
	.cache/bench-venv/bin/python Benchmarks/quantization.py
	.cache/bench-venv/bin/python Benchmarks/calibration.py
	.cache/bench-venv/bin/python Benchmarks/server.py

bench-setup: setup ## Install what the benchmarks need: peers, wrk, nginx
	@Scripts/install-packages.sh python3-venv nginx-light wrk
	@Scripts/bench-venv.sh

clean: ## Remove what was built
	rm -rf .build

distclean: clean ## Remove also what was fetched
	rm -rf .cache
