# `make demo` shows the whole life of a model, `make test` checks everything. Both need Python 3.11 or newer, and make.

PYTHON ?= python3
SPEC ?= configs/diabetes.yaml
ARGS ?=

BIN := .venv/bin
READY := .venv/.ready
STAGES := prepare train tune evaluate export serve monitor

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types imports unit format bench clean $(STAGES)

help: ## list the targets
	@echo 'make TARGET [PYTHON=python3.12]'
	@awk -F ':.*## ' '/^[a-z$$()A-Z ]+:.*## / { sub(/\$$\(STAGES\)/, "STAGE", $$1); printf "  %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(READY) ## create .venv with the pinned packages

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "modelwright needs Python 3.11 or newer; hint: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY) ## from messy data to a served, monitored and retrained model, in minutes
	@$(BIN)/python scripts/demo.py

test: lint types imports unit ## lint, types, import rules, then all tests

lint: $(READY) ## format and lint rules
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet

types: $(READY) ## mypy, strict
	$(BIN)/mypy

imports: $(READY) ## rooms import downwards only
	$(BIN)/lint-imports

unit: $(READY) ## the tests alone; ARGS goes to pytest
	$(BIN)/python -m pytest -n 2 -q $(ARGS)

format: $(READY) ## rewrite the code as the lint rules want it
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(READY) ## every benchmark in scripts/bench
	@set -e; for script in scripts/bench/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

$(STAGES): $(READY) ## one of prepare train tune evaluate export serve monitor: make train SPEC=... ARGS='--set seed=1'
	$(BIN)/modelwright $@ $(SPEC) $(ARGS)

clean: ## remove what make made: .venv, demo, caches; never runs
	rm -rf .venv demo build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis src/*.egg-info
	find src tests scripts -name __pycache__ -type d -exec rm -rf {} +
