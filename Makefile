# Everything a person types. `make` alone says what there is.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where Python may not keep what it has compiled, each process takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that is new enough; `make PYTHON=…` takes another.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; \
	done)
endif
ifeq ($(PYTHON),)
$(error Livery needs Python 3.11 or newer, and finds none)
endif
BIN   := .venv/bin
TESTS ?= tests
WORKERS ?= auto
STORE := sqlite

# Where the system has no npm, the one from the package index stands in.
NPM := $(shell command -v npm)

# Stamps: what stands in the folder that it speaks of is lost together with it.
RUNTIME := .venv/.has-runtime
DEV     := .venv/.has-dev
NODE    := $(if $(NPM),,.venv/.has-node)
MODULES := node_modules/.package-lock.json
VENDOR  := static/vendor/tabler.min.css

##@ Use

.PHONY: help
help:  ## what can be made
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(RUNTIME) assets  ## the whole portal on this machine, with demo data on first run; Ctrl-C ends it
	@exec $(BIN)/flask --app app up --demo

.PHONY: install
install: $(RUNTIME) assets  ## what a server needs; docs/operating.md says what to start

##@ Check

.PHONY: test
test:  ## format, lint, types and all tests; CI=true allows nothing to be left out
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target programs $(DEV) assets
	@$(MAKE) --no-print-directory style types tests

.PHONY: style
style: $(DEV)  ## format and lint, changing nothing
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

.PHONY: types
types: $(DEV)  ## strict types
	@$(BIN)/mypy

.PHONY: tests
tests: $(DEV) assets  ## the tests alone; TESTS=tests/smtp for some, STORE=postgresql on that one
	@TEST_STORE=$(STORE) $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --quiet $(TESTS)

.PHONY: programs
programs:  ## what tests talk to: installed from the system's packages where that is allowed
	@$(PYTHON) deploy/programs.py

.PHONY: bench
bench: $(DEV)  ## how fast mail goes through, as a table
	@$(BIN)/python -m tests.bench

##@ Change

.PHONY: fmt
fmt: $(DEV)  ## format, and repair what lint can repair
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(DEV) $(NODE)  ## newest versions that the .in files and package.json allow, locked with hashes
	@for name in requirements requirements-dev requirements-node; do \
		$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
			--generate-hashes --no-emit-index-url --only-binary :all: \
			--custom-compile-command "make lock" $$name.in --output-file $$name.txt || exit; \
	done
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm install --package-lock-only

WORDS := portal/translations
.PHONY: words
words: $(DEV)  ## collect the words that people read, bring every catalogue in step, compile
	@$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keyword lazy --no-wrap \
		--sort-output --add-location file --output-file $(WORDS)/messages.pot .
	@for catalogue in $(WORDS)/*/LC_MESSAGES; do test -d "$$catalogue" || continue; \
		$(BIN)/pybabel --quiet update --input-file $(WORDS)/messages.pot --output-dir $(WORDS) \
			--locale "$$(basename "$$(dirname "$$catalogue")")" --no-wrap || exit; \
		$(BIN)/pybabel --quiet compile --directory $(WORDS) \
			--locale "$$(basename "$$(dirname "$$catalogue")")" || exit; \
	done

.PHONY: assets
assets: $(VENDOR)  ## style sheet, script, font and icons into static/vendor/

# What the targets above stand on.

$(RUNTIME): requirements.txt
	@echo "Installing what Livery runs on"
	@$(PYTHON) deploy/install.py $<
	@touch $@

$(DEV): requirements-dev.txt
	@echo "Installing what Livery runs on and what checks it"
	@$(PYTHON) deploy/install.py $<
	@touch $@ $(RUNTIME)

.venv/.has-node: requirements-node.txt
	@echo "Installing npm, which this machine lacks"
	@$(PYTHON) deploy/install.py $<
	@touch $@

$(MODULES): package-lock.json .npmrc | $(NODE)
	@echo "Installing style sheet, icons and font"
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-progress --loglevel=error
	@touch $@

$(VENDOR): $(MODULES) static/icons.txt deploy/collect_assets.py
	@$(PYTHON) deploy/collect_assets.py
