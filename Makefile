# People, hooks and CI use the same words. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON  ?= python3.11
PORT    ?= 3000
WORKERS ?= 3
VENV    := .venv

# --- Environment of everything started from here ----------------------------------------------------------------------
# The tools call each other by name (dagster-dbt calls `dbt`, dg calls `dagster`).
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Without cached bytecode every process starts two to three times slower.
unexport PYTHONDONTWRITEBYTECODE
# A foreign source path or environment would shadow the locked one.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# Nothing here reports to anybody or asks for newer versions. Each switch was looked up in the locked sources; what is
# not listed has none. Feast has no telemetry.
# dagster: no upload. (That nothing is recorded locally either, and what the UI does, is dagster.yaml's telemetry.enabled.)
export DAGSTER_DISABLE_TELEMETRY := yes
# dg: reads `cli.telemetry.enabled` only from this file. It asks no package index: the switch for an update check is
# declared in its sources (DAGSTER_DG_UPDATE_CHECK_ENABLED), the check itself is gone.
export DG_CLI_CONFIG := $(CURDIR)/platform/dg.toml
# dbt: usage events. DBT_VERSION_CHECK is about the project's require-dbt-version, which is wanted; only the command
# `dbt --version` asks the package index, and nothing here gives it.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# MLflow: DO_NOT_TRACK counts only when it says `true`, so both are set.
export MLFLOW_DISABLE_TELEMETRY := true
# dbt, MLflow, Evidently's UI service.
export DO_NOT_TRACK := true

# --- Set-up -----------------------------------------------------------------------------------------------------------
# The stamp's name is a checksum of what was installed: a touched file installs nothing, a changed one does.
SETUP_INPUTS := pyproject.toml requirements.lock requirements-bootstrap.lock
STAMP := $(VENV)/.setup-$(shell cat $(SETUP_INPUTS) | cksum | tr ' ' '-')

.PHONY: help setup mine demo ui test prove bench lint lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv from the lock files; a second call does nothing

$(STAMP):
	@PYTHON="$(PYTHON)" tools/setup.sh "$(VENV)"
	@rm -f $(VENV)/.setup-*
	@touch $@

lock: $(STAMP) ## resolve pyproject.toml again into the lock files, for every Python and system (ARGS=check only looks)
	@tools/lock.sh $(ARGS)

# Make hands what is written behind a target to its commands' environment; there, no sign in a title means anything.
mine: $(STAMP) ## make this clone your own: NAME=acme-data (TITLE='Acme data' OWNER=@acme/data SAMPLES=remove DRY=1)
	@$(VENV)/bin/sprintline mine --title "$${TITLE:-}" --owner "$${OWNER:-}" --samples "$${SAMPLES:-keep}" $(if $(DRY),--dry-run) -- "$${NAME:-}"

# --- Work -------------------------------------------------------------------------------------------------------------
demo: $(STAMP) ## replay the first product: 14 sprints, or as many as its sample has (SPRINTS=26 for the whole year)
	@$(VENV)/bin/sprintline replay $(if $(SPRINTS),--sprints $(SPRINTS))

ui: $(STAMP) ## the Dagster UI over what was replayed, on loopback (PORT=3000)
	@$(VENV)/bin/sprintline ui --port $(PORT)

# A file of tests stays in one process, for its fixtures are made once. Many wait for daemons and servers, so there is
# one more of them than the two cores. WORKERS=0 runs all in this one.
test: $(STAMP) ## all tests, three files at a time (ARGS='-k calendar' to choose, WORKERS=0 for one at a time)
	@$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

prove: $(STAMP) ## the long proofs: mutations of the gates, every fault, kills (ARGS=faults to choose, WRITE=1 into docs/)
	@WRITE=$(WRITE) tools/prove.sh $(ARGS)

bench: $(STAMP) ## what closing a year of sprints costs, beside a plain script (25 minutes; ARGS='--sprints 10 --times 1' for less)
	@$(VENV)/bin/python -W ignore tests/benchmarks/bench.py $(ARGS)

lint: $(STAMP) ## ruff, mypy, import layers, sqlfluff, dbt parse, dg check, CODEOWNERS (ARGS='ruff layers' to choose)
	@tools/lint.sh $(ARGS)

clean: ## remove state and caches (.sprintline, build products); .venv stays
	rm -rf .sprintline .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	rm -rf dbt_project/target dbt_project/logs logs platform/*.egg-info
	find platform tests feature_repo dbt_project tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
