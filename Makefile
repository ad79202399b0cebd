# Each group of dependencies has a stamp in .venv: it installs once, and again when the files it depends on change.

PYTHON ?= python3
BIN := .venv/bin
# Python compiles what is imported, and keeps it; pip would compile all, one file after another.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
unexport PYTHONDONTWRITEBYTECODE
RETROTONE = @echo 'Installing into .venv: minutes the first time, seconds after that' && $(PIP) -c constraints.txt -e
REQUIREMENTS := pyproject.toml constraints.txt
# processes that test: one more than cores, since browsers, windows and servers keep their tests waiting
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.DEFAULT_GOAL := help
.NOTPARALLEL:  # one pip at a time in .venv
.PHONY: help demo test lint bench docs clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

demo: .venv/.retrotone ## Give the bundled song the sound of the bundled record: out/demo
	$(BIN)/retrotone demo -o out/demo --overwrite

# Big arrays are made in memory that was freed before: to ask the system for it takes 3 % of the processor time.
test: export MALLOC_MMAP_THRESHOLD_ = 33554432
test: export MALLOC_TRIM_THRESHOLD_ = 1073741824
test: .venv/.dev ## Run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: .venv/.dev ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.bench ## Measure all beside rivals: out/bench/bench.md; the long form with LONG=1
	$(BIN)/python -m benchmarks $(if $(LONG),--long)

docs: .venv/.docs ## Build the manual: docs/_build/html
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

clean: ## Remove everything that make built
	rm -rf .venv out build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip 25.1 is the first that knows --group
.venv/.pip:
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) --upgrade 'pip>=25.1'
	@touch $@

.venv/.retrotone: .venv/.pip $(REQUIREMENTS)
	$(RETROTONE) .
	@touch $@

# What tests import is compiled here, once: their processes begin at the same time, and each would compile all of it.
.venv/.dev: .venv/.pip $(REQUIREMENTS)
	$(RETROTONE) '.[rave,desktop,web,cluster]' --group dev
	@$(BIN)/python -c 'import librosa.effects, librosa.feature, librosa.onset, ray, retrotone.web.page'
	@-$(BIN)/python -m pytest --collect-only -qq > /dev/null
	@touch $@ .venv/.retrotone

.venv/.docs: .venv/.pip $(REQUIREMENTS)
	$(RETROTONE) '.[rave]' --group docs
	@touch $@

.venv/.bench: .venv/.pip $(REQUIREMENTS)
	$(RETROTONE) '.[bench,rave]'
	@touch $@
