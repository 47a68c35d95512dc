# Every target works on a fresh machine with Python 3.11 or 3.12; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup demo test check format up docs clean

help: ## Say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml requirements.lock
	@PYTHON=$(PYTHON) bash .ci/setup
	@touch $(STAMP)

setup: $(STAMP) ## Create .venv with the locked versions

clean: ## Remove what demo and the tools wrote (not .venv)
	rm -rf .demo .uniscale .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dbt_project/target dbt_project/logs site
