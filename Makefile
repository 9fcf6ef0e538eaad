# The few things one does here. `make` alone lists them.
#
# Everything happens in .venv, which the first target that needs it makes; a stamp file per set of
# extras keeps the second run to seconds. Needed on the machine: make, git, Python 3.11 or newer.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --quiet
PYTEST_FLAGS ?= -n auto --dist worksteal
SOURCES := src tests $(wildcard benchmarks examples docs tools)

.PHONY: help demo test check docs bench serve

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.base ## denoise the example pictures, before and after in out/demo
	@$(BIN)/python examples/demo.py

test: $(VENV)/.dev ## the whole suite (PYTEST_FLAGS="-n 0 -k tiling" for some of it)
	@$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: $(VENV)/.dev ## lint, format, types, imports, docstrings
	@failed=; \
	run() { printf '%-20s' "$$1"; shift; \
		if "$$@" >$(VENV)/check.log 2>&1; then echo ok; else failed=1; echo; cat $(VENV)/check.log; fi; }; \
	run "ruff check"    $(BIN)/ruff check --quiet --output-format concise $(SOURCES); \
	run "ruff format"   $(BIN)/ruff format --check --quiet $(SOURCES); \
	run "mypy --strict" $(BIN)/mypy; \
	run "lint-imports"  $(BIN)/lint-imports --no-logo; \
	run "numpydoc lint" $(BIN)/numpydoc lint $$(find src -name '*.py'); \
	[ -z "$$failed" ]

docs: $(VENV)/.docs ## build the documentation into docs/_build
	@$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	@echo "docs/_build/index.html"

bench: $(VENV)/.dev ## make the tables and pictures of README, and most of docs/figures.md, in out/bench: make bench DATA=FOLDER [TORCH=PYTHON] [QUICK=1]
	@$(BIN)/python benchmarks/bench.py --out out/bench $(if $(DATA),--data $(DATA)) $(if $(TORCH),--torch $(TORCH)) \
		$(if $(QUICK),--quick)

serve: $(VENV)/.serve ## the page and the HTTP service on this machine
	@$(BIN)/ruis serve

# -- the environment ---------------------------------------------------------------------------------

$(VENV)/.base: EXTRAS :=
$(VENV)/.dev: EXTRAS := [train,onnxruntime,export,mnist,serve,batch,zarr,dask,dicom,raw,hub,dev]
$(VENV)/.serve: EXTRAS := [serve]
$(VENV)/.docs: EXTRAS := [docs]

$(VENV)/.base $(VENV)/.dev $(VENV)/.docs $(VENV)/.serve: pyproject.toml | $(BIN)/python
	@echo "Installing ruis$(EXTRAS) into $(VENV) (minutes the first time, then seconds) ..."
	@$(PIP) --editable ".$(EXTRAS)"
	@touch $@

# PYTHON=... names another interpreter. A name on the PATH may be a shim that starts nothing, hence
# each is tried; Debian's python3 without python3-venv fails half-way, hence the clean-up.
$(BIN)/python:
	@for python in $(PYTHON) python3.11 python3.12 python3.13 python3 python; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "ruis needs Python 3.11 or newer, and found none: apt install python3 python3-venv" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$found" --version) ..."; \
	if ! "$$found" -m venv $(VENV) >$(VENV).log 2>&1; then \
		cat $(VENV).log >&2; rm -rf $(VENV) $(VENV).log; \
		echo "Python could not make an environment; on Debian and Ubuntu:" >&2; \
		echo "  apt install python3-venv make git" >&2; \
		exit 1; \
	fi; \
	rm -f $(VENV).log
