# make run: the quickstart; make test: lint, types and all tests; make quick: some of them, under 90 seconds.
# Each sets up a virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test quick lint clean

run: $(VENV)/installed
	$(BIN)/dsm experiment=quickstart

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST)

quick: $(VENV)/installed-test lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m quick $(PYTEST)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("dsm needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[digits]"
	touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV)
