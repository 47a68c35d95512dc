# Every target works on a fresh machine with Python 3.11 or 3.12; each sets up what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
DEMO_DS ?= 2026-01-11

export PYTHONPATH := $(CURDIR)

.PHONY: help setup demo test test-fast check format up docs dbt-docs dbt-yml reference golden benchmarks clean

help: ## Say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml requirements.lock
	@PYTHON=$(PYTHON) bash .ci/setup
	@touch $(STAMP)

setup: $(STAMP) ## Create .venv with the locked versions

demo: $(STAMP) ## Run one day end to end on a simulated shop, and print its report card
	@BIN=$(BIN) DS=$(DEMO_DS) bash .ci/demo

test: $(STAMP) ## Run all tests
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 30

test-fast: $(STAMP) ## Run the tests that take seconds (no services, no whole day)
	$(BIN)/python -m pytest -m "unit or property or contract or golden"

check: $(STAMP) ## Lint, types, import layers, SQL style, spelling, compose file
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: $(STAMP) ## Format Python and SQL
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --force dbt_project/models

up: $(STAMP) ## Start dashboard, Airflow, MLflow and the Evidently UI on loopback; Ctrl-C stops them all
	@exec $(BIN)/uniscale up

docs: $(STAMP) ## Build the documentation site into site/
	$(BIN)/mkdocs build --strict

dbt-docs: $(STAMP) ## Write the catalogue of marts and features (needs a lake, of make demo say)
	$(BIN)/python -m uniscale.warehouse.project docs generate --static

dbt-yml: $(STAMP) ## Write the declaration of the feature tables for dbt from their contract
	@$(BIN)/python -m uniscale.warehouse.declare

reference: $(STAMP) ## Write the pages that follow from the code: commands, settings, decisions
	$(BIN)/python -m docs.generate

golden: $(STAMP) ## Rewrite the golden curves; read the diff before committing it
	$(BIN)/python -m tests.golden.regenerate

benchmarks: $(STAMP) ## Measure a day's steps, the data half, the stores, the look-up and the rankers (hours)
	$(BIN)/python -m benchmarks.data.stages --sizes xs s m
	$(BIN)/python -m benchmarks.data.worlds
	$(BIN)/python -m benchmarks.data.simulation
	$(BIN)/python -m benchmarks.data.es3_scale
	$(BIN)/python -m benchmarks.data.store
	$(BIN)/python -m benchmarks.features.asof
	$(BIN)/python -m benchmarks.features.materialize
	$(BIN)/python -m benchmarks.data.commits
	$(BIN)/python -m benchmarks.serving.lookup
	$(BIN)/python -m benchmarks.data.reading
	$(BIN)/python -m benchmarks.training.throughput
	$(BIN)/python -m benchmarks.training.listwise
	$(BIN)/python -m benchmarks.training.workers
	$(BIN)/python -m benchmarks.serving.scoring
	$(BIN)/python -m benchmarks.training.memory_layer
	$(BIN)/python -m benchmarks.rankers.quality
	$(BIN)/python -m benchmarks.decision.simulation
	$(BIN)/python -m benchmarks.ui.pages

clean: ## Remove the demo and what the tools wrote (not .venv, nor a uniscale.toml or lake of your own)
	@if [ "$$(readlink uniscale.toml)" = .demo/uniscale.toml ]; then rm uniscale.toml; fi
	rm -rf .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache site
