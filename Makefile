# `make` alone lists the targets. Each sets up what it needs: a virtual environment in .venv
# with the locked dependencies, their hashes checked.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help serve test check format openapi bench lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: $(VENV)/runtime ## run the API on http://127.0.0.1:8000 (HOST and PORT change that)
	@exec $(BIN)/python -m serving

test: $(VENV)/development ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(if $(TESTS),$(TESTS),--cov)

check: $(VENV)/development ## ruff and mypy over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: $(VENV)/development ## put the code into ruff's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: $(VENV)/runtime ## write the OpenAPI document to docs/openapi.json
	@$(BIN)/flask --app api openapi > docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json

bench: $(VENV)/development ## measure, side by side in one run, into bench/RESULTS.md
	$(BIN)/python -m bench

lock: $(VENV)/development ## resolve the dependencies anew into requirements*.txt
	$(LOCK) --upgrade pyproject.toml -o requirements.txt
	$(LOCK) --upgrade --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov

$(VENV)/runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/development: $(VENV)/runtime requirements-dev.txt
	$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@
