# `make demo` and `make test` each do all the set-up first. Python 3.11 or newer, pip and GNU make are enough.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
SOURCE ?=
SCHEMA ?= invoice

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test soak explore check format bench clean

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.installed ## Install the product into .venv

setup-dev: $(VENV)/.installed-dev ## Install what tests and checks need, too

demo: setup ## Read painted documents (or SOURCE=<folder or s3://bucket/prefix> SCHEMA=invoice) end to end
	$(BIN)/python -m flows.demo $(if $(SOURCE),--source '$(SOURCE)') --schema '$(SCHEMA)'

test: setup-dev ## Run the tests (those under 15 minutes)
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(TESTS)

soak: setup-dev ## Kill workers 200 times on SQLite and on PostgreSQL, and count what was lost (15 minutes)
	$(BIN)/python -m tests.faults.soak --kills 200
	$(BIN)/python -m tests.faults.soak --kills 200 --postgres

explore: setup-dev ## Run the property tests on examples that no run has seen
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" $(TESTS)

check: setup-dev ## Format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

format: setup-dev ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Run every benchmark; each prints one JSON line
	@for name in tiles db grammar pipeline memory; do $(BIN)/llava-ocr bench $$name --json || exit 1; done

clean: ## Remove the demo's files and the environment
	rm -rf demo $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=python3.x") if sys.version_info < (3, 11) else 0'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/.installed
