# CertifyClouds: `make help` lists the commands. Every command does its own set-up on a fresh machine.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
BUS ?= postgres
export NO_MKDOCS_2_WARNING := 1

.PHONY: help run test check fuzz chaos smoke bench docs lock

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# The locks are complete, so pip resolves nothing: older versions of it would look for extras anew.
$(VENV)/.run: requirements/demo.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "CertifyClouds needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	@test -x $(PY) || { echo "Setting up $(VENV) (once) …"; $(PYTHON) -m venv $(VENV); }
	@$(PIP) install --no-deps --require-hashes -r requirements/demo.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing the test and check tools (once) …"
	@$(PIP) install --no-deps --require-hashes -r requirements/dev.txt
	@touch $@

run: $(VENV)/.run ## the whole platform on the sandbox estate; Ctrl-C stops it, data stays in .data/; BUS=servicebus
	@$(VENV)/bin/certifyclouds up --data-dir .data $(if $(filter-out postgres,$(BUS)),--bus $(BUS)) $(ARGS)

test: $(VENV)/.dev ## every test that can run here; REQUIRE_ALL=1 turns a skip into a failure
	@$(PY) -m tests.run $(ARGS)

check: $(VENV)/.dev ## lint, types, import contracts, dead code, event reference and AsyncAPI, docs build
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/basedpyright --level error
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/vulture
	@$(PY) -m pytest -q tests/architecture tests/contracts/events
	@$(VENV)/bin/mkdocs build --strict --quiet --site-dir $(VENV)/site

fuzz: $(VENV)/.dev ## the API's fuzz tests at greater length; EXAMPLES=100 for each operation and property
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),100) $(PY) -m pytest -q --timeout=3600 tests/integration/gateway/fuzz

chaos: $(VENV)/.dev ## rotations killed, put to sleep and disturbed at every instruction; a JSON line per campaign; ONLY=name
	@$(PY) -m tests.chaos $(if $(ONLY),--only "$(ONLY)")
	$(if $(ONLY),,@$(PY) -m tests.chaos.killed)

smoke: $(VENV)/.dev ## drive the platform through its public API; BUS=postgres|rabbitmq|servicebus; one JSON line per stage
	@$(PY) -m tests.smoke --bus $(BUS)

bench: $(VENV)/.dev ## the benchmarks, a JSON line each; ONLY=name[,pattern…] measures some, KEEP=file keeps the lines
	@$(PY) -m benchmarks --only "$(ONLY)" $(if $(KEEP),--keep "$(KEEP)")

docs: $(VENV)/.dev ## build the documentation into .venv/site, with the event reference made anew
	@$(PY) -m shared.events.reference docs/reference
	@$(PY) -m tests.support.access docs/reference
	@$(VENV)/bin/mkdocs build --strict --site-dir $(VENV)/site

lock: ## pin and hash the dependencies anew (needs uv)
	@for f in runtime demo dev; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate requirements/$$f.in -o requirements/$$f.txt; done
