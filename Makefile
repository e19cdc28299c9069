# Quire's tasks. A machine needs Python 3.11 or newer, make and git; `make setup`
# brings the rest into .venv.

SHELL   := /bin/bash
VENV    := .venv
BIN     := $(VENV)/bin
SETUP   := $(VENV)/.set-up
LOCK    := uv pip compile pyproject.toml --extra demo --universal --generate-hashes \
           --no-emit-index-url --no-emit-find-links --no-header --quiet
CYCLES  ?= 100
KILLS   ?= 100
POSTGRES_TESTS ?= tests/actions tests/app tests/cli tests/client tests/engines/dask \
           tests/faces tests/inlets tests/kinds tests/storage/backups

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-postgres check bench serve lock crash cluster power \
        faults clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: $(SETUP) ## make .venv with everything for development

$(SETUP): requirements/dev.txt pyproject.toml scripts/setup
	@scripts/setup $(VENV)
	@touch $@

demo: $(SETUP) ## simulated instrument -> documents -> run -> verified product
	@scripts/system-packages fitsverify
	@$(BIN)/quire demo $(ARGS)

test: $(SETUP) ## all tests
	@scripts/system-packages chromium fitsverify fuse3 mariadb-server munge nginx-light \
	  postgresql rsync slurm-client slurmctld slurmd slurmdbd xfsprogs
	@$(BIN)/pytest -n auto --dist worksteal $(ARGS)

test-postgres: $(SETUP) ## the tests that a server takes part in, on PostgreSQL (POSTGRES_TESTS=tests: all)
	@scripts/system-packages chromium fitsverify nginx-light postgresql rsync
	@QUIRE_TEST_STORES=postgres QUIRE_REQUIRE=postgres $(BIN)/pytest -n auto --dist worksteal \
	  $(POSTGRES_TESTS) $(ARGS)

check: $(SETUP) ## lint, format, strict types, architecture contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	scripts/pyright $(BIN)
	$(BIN)/lint-imports

bench: $(SETUP) ## measure, and print figures
	@set -e; for bench in $$(ls benchmarks/[a-z]*.py | grep -v _peer.py); do \
	  name=$$(basename $$bench .py); echo "== $$name"; \
	  $(BIN)/python -m benchmarks.$$name </dev/null; done

serve: $(SETUP) ## serve the default data folder on 127.0.0.1:8642
	@$(BIN)/quire serve $(ARGS)

lock: ## resolve requirements/*.txt anew (needs uv)
	@command -v uv >/dev/null || { \
	  echo "make lock needs uv: python3 -m pip install --user uv" >&2; exit 1; }
	$(LOCK) --group dev -o requirements/dev.txt
	$(LOCK) -c requirements/dev.txt -o requirements/run.txt
	uv pip compile requirements/safir.in --python-version 3.13 --universal \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	  -o requirements/safir.txt
	for name in nexus databroker sse; do \
	  uv pip compile requirements/$$name.in --python-version 3.11 --universal \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet \
	    -o requirements/$$name.txt; done

crash: $(SETUP) ## kill -9: the server under load CYCLES times, then merges and attempts at every point
	@$(BIN)/python -m quire.testing.campaigns.documents --cycles $(CYCLES) $(ARGS)
	@$(BIN)/python -m quire.testing.campaigns.merges
	@$(BIN)/python -m quire.testing.campaigns.attempts
	@$(BIN)/python -m quire.testing.campaigns.dask --kills $(CYCLES)

cluster: $(SETUP) ## two servers, PostgreSQL, Dask, Slurm: KILLS kills, as many partitions; a control must lose
	@scripts/system-packages postgresql munge slurm-client slurmctld slurmd
	@$(BIN)/python -m quire.testing.campaigns.cluster --kills $(KILLS)
	@$(BIN)/python -m quire.testing.campaigns.cluster --partitions $(KILLS)
	@$(BIN)/python -m quire.testing.campaigns.cluster --kills 5 --control

power: $(SETUP) ## pull the plug 40 times; synchronous=NORMAL must lose
	@scripts/system-packages fuse3
	@$(BIN)/python -m quire.testing.campaigns.power_loss --cycles 40 $(ARGS)
	@$(BIN)/python -m quire.testing.campaigns.power_loss --cycles 40 --control $(ARGS)

faults: $(SETUP) ## fail every write, sync and rename once (long; ARGS='--every 13' is quicker)
	@$(BIN)/python -m quire.testing.campaigns.faults $(ARGS)

clean: ## remove .venv, caches and builds
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	  .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
