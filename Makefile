# `make` alone lists the targets. Each sets up what it needs: a virtual environment in .venv
# with the locked dependencies, their hashes checked.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := python -m pip install --quiet --disable-pip-version-check --require-hashes
PIP_INSTALL := $(BIN)/$(PIP)
# What the benchmarks measure has an environment of its own, and so has what looks at the others.
BENCH := build/bench
AUDIT := build/audit
RUNNING := requirements.txt requirements-circus.txt
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

PYTHON_SDK := build/sdk/python/pyproject.toml
TYPESCRIPT_SDK := build/sdk/typescript/index.js
SPA := examples/spa
NPM := $(shell command -v npm)
NPM_CI := npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
# What processes of earlier days have counted is not theirs.
CIRCUS = mkdir -p data && rm -rf data/metrics-$(or $(PORT),8000) && HOST=$(or $(HOST),127.0.0.1) PORT=$(or $(PORT),8000) \
	PROCESSES=$(PROCESSES) exec $(BIN)/circusd deploy/circus.ini

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve spa test check format openapi sdk bench audit sbom lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: $(VENV)/$(if $(PROCESSES),circus,runtime) ## run the API on http://127.0.0.1:8000 (HOST, PORT, PROCESSES)
	@$(if $(PROCESSES),$(CIRCUS),exec $(BIN)/python -m serving)

spa: $(SPA)/node_modules ## run the example app on http://localhost:5173 (VITE_API_URL: its API)
	@cd $(SPA) && exec npm run --silent dev

test: $(VENV)/development $(PYTHON_SDK) $(if $(NPM),$(TYPESCRIPT_SDK) $(SPA)/node_modules) ## run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile \
		--no-loadscope-reorder $(if $(TESTS),$(TESTS),--cov)

check: $(VENV)/development $(PYTHON_SDK) $(if $(NPM),$(SPA)/node_modules) ## ruff and mypy, Biome and tsc, over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(if $(NPM),cd $(SPA) && npm run --silent check)

format: $(VENV)/development $(if $(NPM),$(SPA)/node_modules) ## put the code into ruff's and Biome's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(NPM),cd $(SPA) && npm run --silent format)

openapi: $(VENV)/runtime ## write the OpenAPI document to docs/openapi.json
	@$(BIN)/flask --app api openapi > docs/openapi.json.new
	@cmp --quiet docs/openapi.json.new docs/openapi.json && rm docs/openapi.json.new \
		|| mv docs/openapi.json.new docs/openapi.json

sdk: $(PYTHON_SDK) $(TYPESCRIPT_SDK) ## generate the Python and the TypeScript client into build/sdk

bench: $(VENV)/development $(BENCH)/installed ## measure beside other frameworks, into bench/RESULTS.md (FULL=1: everything)
	$(BIN)/python -m bench $(if $(FULL),--full)

audit: $(AUDIT)/installed ## look up known vulnerabilities of what the service runs
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes $(RUNNING:%=-r %)

sbom: $(AUDIT)/installed ## write what the service consists of to build/sbom.json (CycloneDX)
	$(AUDIT)/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
		--output-reproducible -o build/sbom.json

lock: $(VENV)/development ## resolve the dependencies anew into requirements*.txt
	$(LOCK) --upgrade pyproject.toml -o requirements.txt
	$(LOCK) --upgrade --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(LOCK) --upgrade --group bench -c requirements.txt pyproject.toml -o bench/requirements.txt
	$(LOCK) --upgrade --group circus -c requirements-dev.txt -o requirements-circus.txt
	$(LOCK) --upgrade --group audit -c requirements.txt -o requirements-audit.txt

clean: ## remove the virtual environments, the generated clients and the caches
	rm -rf $(SPA)/node_modules $(SPA)/dist $(SPA)/src/generated
	rm -rf $(VENV) $(BENCH) $(AUDIT) build/sdk .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov

$(VENV)/runtime: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/circus: $(VENV)/runtime requirements-circus.txt
	$(PIP_INSTALL) -r requirements-circus.txt
	@touch $@

$(VENV)/development: $(VENV)/circus requirements-dev.txt
	$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

$(BENCH)/installed: bench/requirements.txt
	test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/$(PIP) -r bench/requirements.txt
	@touch $@

$(AUDIT)/installed: requirements-audit.txt
	test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/$(PIP) -r requirements-audit.txt
	@touch $@

$(PYTHON_SDK): docs/openapi.json $(wildcard clients/python/*) $(VENV)/development
	@rm -rf $(@D) && mkdir -p build/sdk
	@$(BIN)/python clients/python/document.py < docs/openapi.json > build/sdk/python.json
	@PATH="$(abspath $(BIN)):$$PATH" openapi-python-client generate --path build/sdk/python.json \
		--config clients/python/config.yaml --meta uv --output-path $(@D) --fail-on-warning

$(TYPESCRIPT_SDK): docs/openapi.json $(wildcard clients/typescript/*)
	@command -v npm >/dev/null || { echo "The TypeScript client needs Node.js 18 or later, with npm:\
		apt-get install nodejs npm, or https://nodejs.org" >&2; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D) && cp docs/openapi.json clients/typescript/* $(@D)
	@cd $(@D) && $(NPM_CI) && npm run --silent build
	@touch $@

$(SPA)/node_modules: $(SPA)/package.json $(SPA)/package-lock.json
	@command -v npm >/dev/null || { echo "The example app needs Node.js 20.19 or later, with npm:\
		https://nodejs.org" >&2; exit 1; }
	@cd $(SPA) && $(NPM_CI)
	@touch $@
