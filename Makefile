# make run: the quickstart; make test: lint, types and all tests but the slow ones; make test-slow: the slow ones; make
# quick: something of every part; make docs: the documentation in site/, with executed notebooks. Each sets up a virtual
# environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_COMMAND := $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: run test test-slow quick lint docs clean

run: $(VENV)/installed
	$(BIN)/dsm experiment=quickstart

test: $(VENV)/installed-test lint
	$(PYTEST_COMMAND) -m "not slow" $(PYTEST)

test-slow: $(VENV)/installed-test
	$(PYTEST_COMMAND) -m slow $(PYTEST)

quick: $(VENV)/installed-test lint
	$(PYTEST_COMMAND) -m quick $(PYTEST)

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	DSM_LOCAL=none DSM_DOCS_EXECUTE=1 NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --config-file .mkdocs.yml

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("dsm needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[digits]"
	touch $@

$(VENV)/installed-test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/installed-docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable ".[docs]"
	touch $@

clean:
	rm -rf $(VENV) site
