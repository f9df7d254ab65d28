# `make help` lists what there is. Nothing but Python, pip and make is needed to begin.
SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

UV_VERSION := 0.13.9
PYTHON ?= python3
# uv: the one on the machine when there is one, otherwise our own copy in .tools/
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export RASA_TELEMETRY_ENABLED := false
export UV_NO_PROGRESS := 1
# Without kept bytecode every process of the tests would compile all of the program and all of its tests anew.
unexport PYTHONDONTWRITEBYTECODE

##@ Use

run: setup ## Start everything; without TELEGRAM_BOT_TOKEN on a chat page of your own
	@exec $(UV) run --no-sync septimus run

chat: setup ## Talk with the bot in this terminal
	@exec $(UV) run --no-sync septimus chat

##@ Develop

test: setup train ## Run every test that can run here
	$(UV) run --no-sync pytest tests/unit tests/thorough -n auto --dist worksteal
	$(UV) run --no-sync pytest tests/desk tests/e2e -n 2 --dist loadfile
	$(UV) run --no-sync pytest --ignore=tests/unit --ignore=tests/thorough --ignore=tests/desk --ignore=tests/e2e

unit: .venv/.made ## Run the quick tests only (no engine, no browser, no PostgreSQL)
	$(UV) run --no-sync pytest tests/unit -m "not postgres" -n auto --dist worksteal

lint: .venv/.made ## Check style, types, rooms and content
	$(UV) run --no-sync ruff check .
	$(UV) run --no-sync ruff format --check .
	$(UV) run --no-sync mypy
	$(UV) run --no-sync lint-imports --no-logo
	$(UV) run --no-sync septimus content check

format: .venv/.made ## Put the code into its one form
	$(UV) run --no-sync ruff check --fix .
	$(UV) run --no-sync ruff format .

train: setup ## Train the engine's model when what it depends on has changed
	@$(UV) run --no-sync septimus train

bench: setup train ## Measure, and write bench/results.json
	$(UV) run --no-sync python -m bench

banks: setup train ## Measure on the test banks, with intervals, and write docs/banks.md
	$(UV) run --no-sync python -m bench.banks

understanding: setup ## Compare the candidate pipelines and write docs/understanding.md (RASA=1: Rasa's own too)
	$(UV) sync --locked --quiet --project engine --python 3.10 --group compare
	TF_CPP_MIN_LOG_LEVEL=3 PYTHONWARNINGS=ignore RASA_TELEMETRY_ENABLED=false \
		engine/.venv/bin/python -m engine.compare $(if $(RASA),--rasa)

audit: .venv/.made ## Ask for known holes in the locked packages
	@$(UV) run --no-sync python .ci/audit.py

hooks: .venv/.made ## Check before each commit
	$(UV) run --no-sync pre-commit install

##@ Set up

setup: .venv/.made engine/.venv/.made ## Install both environments (nothing to do when they are there)

.venv/.made: pyproject.toml uv.lock | $(filter .tools/%,$(UV))
	@echo "Installing Septimus' environment (Python 3.12 or newer) ..."
	@$(UV) sync --locked --quiet --compile-bytecode || { echo "Could not install it: Python 3.12 or newer is needed, and the package registry must be reachable." >&2; exit 1; }
	@.venv/bin/python -m compileall -q bot actions
	@touch $@

engine/.venv/.made: engine/pyproject.toml engine/uv.lock | $(filter .tools/%,$(UV))
	@echo "Installing the engine's environment (Python 3.10, about 3.4 GB; this takes a few minutes once) ..."
	@$(UV) sync --locked --quiet --compile-bytecode --project engine --python 3.10 || { echo "Could not install it: Python 3.10 is needed (pyenv install 3.10), and the package registry must be reachable." >&2; exit 1; }
	@engine/.venv/bin/python -m engine.components.encoder
	@touch $@

.tools/bin/uv:
	@echo "Installing uv into .tools/ ..."
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"

clean: ## Remove what was built (not your data in var/)
	rm -rf .tools .venv engine/.venv models .rasa .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run chat test unit lint audit format train bench banks understanding hooks setup clean help
