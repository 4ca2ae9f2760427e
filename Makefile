# `make` alone lists the targets. Each sets up what it needs: a virtual environment in .venv
# with the locked dependencies, their hashes checked.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The benchmarks and the audit tools each have an environment of their own.
BENCH := build/bench
AUDIT := build/audit
# What the generators of other clients need, and what their Python client does.
CLIENTS := build/clients
# The PyPI package of PostgreSQL says this outside of a desktop's session, and it doesn't matter.
NO_WARNING := -W 'ignore:XDG_RUNTIME_DIR is not set'
LOCKS := requirements
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	$(if $(UPGRADE),--upgrade)
# A source distribution is built with packages that no lock names. PIP_ONLY_BINARY=:none: allows it,
# for a platform that lacks a wheel.
export PIP_ONLY_BINARY ?= :all:

PYTHON_SDK := build/sdk/python/pyproject.toml
TYPESCRIPT_SDK := build/sdk/typescript/index.js
GENERATORS := build/generators/typescript/node_modules
SPA := examples/spa
NPM := $(shell command -v npm)
NPM_CI := npm ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
# Circus itself ends in silence if it can't listen. Where setpriv can (Linux), the kernel ends the
# processes if Circus is killed; they would keep the port. What earlier processes have counted is removed.
CIRCUS = $(BIN)/python -c 'from serving.listener import listen; listen("$(or $(HOST),127.0.0.1)", $(or $(PORT),8000))' \
	&& mkdir -m 700 -p data && rm -rf data/metrics-$(or $(PORT),8000) \
	&& if setpriv --pdeathsig PWR true 2>/dev/null; then export WRAPPER="setpriv --pdeathsig PWR"; fi \
	&& HOST=$(or $(HOST),127.0.0.1) PORT=$(or $(PORT),8000) PROCESSES=$(PROCESSES) WRAPPER=$${WRAPPER:-env} \
	exec $(BIN)/circusd deploy/circus.ini

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve spa postgresql test coverage test-long check format openapi release sdk clients bench audit sbom lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

serve: $(VENV)/$(if $(PROCESSES),circus,runtime) ## run the API on http://127.0.0.1:8000 (HOST, PORT, PROCESSES)
	@$(if $(PROCESSES),$(CIRCUS),exec $(BIN)/python asgi.py)

spa: $(SPA)/node_modules ## run the example app on http://localhost:5173 (VITE_API_URL: its API)
	@cd $(SPA) && exec npm run --silent dev

postgresql: $(VENV)/development ## run the tests' PostgreSQL for development, and print its DATABASE_URL
	@exec $(BIN)/python $(NO_WARNING) -m tests.postgresql

# Whether there is an example app, and npm to look after it.
SPA_READY := $(if $(and $(NPM),$(wildcard $(SPA))),$(SPA)/node_modules)
TESTED := $(VENV)/development $(PYTHON_SDK) $(if $(NPM),$(TYPESCRIPT_SDK) $(GENERATORS)) $(SPA_READY)
PYTEST = $(BIN)/python -m pytest --numprocesses auto --dist worksteal

test: $(TESTED) ## run the tests
	$(PYTEST) $(TESTS)

# On Python 3.11 the tests take more than twice the CPU time while their coverage is measured.
coverage: $(TESTED) ## run the tests and fail if they cover too little
	$(PYTEST) --cov

test-long: $(TESTED) ## run the tests that have a long form, in it
	$(PYTEST) --long --timeout 3600 -o faulthandler_timeout=3900 $(TESTS)

check: $(VENV)/development $(PYTHON_SDK) $(SPA_READY) ## ruff and mypy, Biome and tsc, over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(if $(SPA_READY),cd $(SPA) && npm run --silent check)

format: $(VENV)/development $(SPA_READY) ## put the code into ruff's and Biome's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(SPA_READY),cd $(SPA) && npm run --silent format)

openapi: $(VENV)/runtime ## write docs/openapi.json; fail if it has breaks that CHANGELOG.md doesn't name
	@FLASK_SKIP_DOTENV=1 $(BIN)/flask --app api openapi > docs/openapi.json.new
	@cmp --quiet docs/openapi.json.new docs/openapi.json && rm docs/openapi.json.new \
		|| mv docs/openapi.json.new docs/openapi.json
	@$(BIN)/python -m tests.openapi.released

release: openapi ## keep docs/openapi.json as the document of the last release
	@cp docs/openapi.json docs/openapi-released.json

sdk: $(PYTHON_SDK) $(TYPESCRIPT_SDK) ## generate the Python and the TypeScript client into build/sdk

clients: $(VENV)/development $(CLIENTS)/installed $(GENERATORS) ## run clients made by other generators, into docs/clients.md (ONLY="php go": these)
	$(BIN)/python -m clients.generators $(ONLY)

bench: $(VENV)/development $(BENCH)/installed ## measure beside other frameworks, into bench/RESULTS.md (FULL=1: everything)
	$(BIN)/python $(NO_WARNING) -m bench $(if $(FULL),--full)

audit: $(AUDIT)/installed ## look up known vulnerabilities of what the service runs
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes \
		-r $(LOCKS)/runtime.txt -r $(LOCKS)/circus.txt

sbom: $(AUDIT)/installed ## write what the service consists of to build/sbom.json (CycloneDX)
	$(AUDIT)/bin/cyclonedx-py requirements $(LOCKS)/runtime.txt --pyproject pyproject.toml \
		--output-reproducible -o build/sbom.json

lock: $(VENV)/development ## lock what pyproject.toml asks for in requirements/ (UPGRADE=1: the newest releases)
	$(LOCK) pyproject.toml -o $(LOCKS)/runtime.txt
	$(LOCK) --group dev -c $(LOCKS)/runtime.txt pyproject.toml -o $(LOCKS)/development.txt
	$(LOCK) --group bench -c $(LOCKS)/runtime.txt pyproject.toml -o $(LOCKS)/bench.txt
	$(LOCK) --group circus -c $(LOCKS)/development.txt -o $(LOCKS)/circus.txt
	$(LOCK) --group audit -c $(LOCKS)/runtime.txt -o $(LOCKS)/audit.txt
	$(LOCK) --group clients -c $(LOCKS)/development.txt -o $(LOCKS)/clients.txt

clean: ## remove the virtual environments, the generated clients and the caches
	rm -rf $(SPA)/node_modules $(SPA)/dist $(SPA)/src/generated
	rm -rf $(VENV) $(BENCH) $(AUDIT) $(CLIENTS) build/sdk build/generators .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov

# $(call install,environment,lock): install what the lock names as it stands. Nothing is resolved, so
# no release that is newer than the lock can change the result; `pip check` says if something lacks.
define install
	@$(1)/bin/python -m pip --version >/dev/null 2>&1 || { $(SUPPORTED) && $(PYTHON) -m venv --clear $(1); }
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(2)
	@$(1)/bin/python -m pip check
	@touch $@
endef
SUPPORTED = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	"Python 3.11 or later is needed, and $(PYTHON) is %d.%d.%d: try make PYTHON=python3.11" % sys.version_info[:3])'

$(VENV)/runtime: $(LOCKS)/runtime.txt
	$(call install,$(VENV),$<)

$(VENV)/circus: $(LOCKS)/circus.txt $(VENV)/runtime
	$(call install,$(VENV),$<)

$(VENV)/development: $(LOCKS)/development.txt $(VENV)/circus
	$(call install,$(VENV),$<)

$(BENCH)/installed: $(LOCKS)/bench.txt
	$(call install,$(BENCH),$<)

$(AUDIT)/installed: $(LOCKS)/audit.txt
	$(call install,$(AUDIT),$<)

$(CLIENTS)/installed: $(LOCKS)/clients.txt
	$(call install,$(CLIENTS),$<)

$(PYTHON_SDK): docs/openapi.json $(wildcard clients/python/* clients/python/added/*) $(VENV)/development
	@rm -rf $(@D) && mkdir -p build/sdk
	@$(BIN)/python clients/python/document.py < docs/openapi.json > build/sdk/python.json
	@PATH="$(abspath $(BIN)):$$PATH" openapi-python-client generate --path build/sdk/python.json \
		--config clients/python/config.yaml --meta uv --output-path $(@D) --fail-on-warning
	@cp clients/python/added/*.py $(@D)/items_api_client

$(TYPESCRIPT_SDK): docs/openapi.json $(wildcard clients/typescript/*)
	@command -v npm >/dev/null || { echo "The TypeScript client needs Node.js 18 or later, with npm:\
		apt-get install nodejs npm, or https://nodejs.org" >&2; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D) && cp docs/openapi.json clients/typescript/* $(@D)
	@cd $(@D) && npm pkg set version="$$(node -p 'require("./openapi.json").info.version')" \
		&& $(NPM_CI) && npm run --silent build
	@touch $@

$(GENERATORS): $(addprefix clients/generators/typescript/,package.json package-lock.json .npmrc)
	@command -v npm >/dev/null || { echo "The generators need Node.js 20.19 or later, with npm:\
		https://nodejs.org" >&2; exit 1; }
	@mkdir -p $(@D) && cp $^ $(@D)
	@cd $(@D) && $(NPM_CI)
	@touch $@

$(SPA)/node_modules: $(SPA)/package.json $(SPA)/package-lock.json
	@command -v npm >/dev/null || { echo "The example app needs Node.js 20.19 or later, with npm:\
		https://nodejs.org" >&2; exit 1; }
	@cd $(SPA) && $(NPM_CI)
	@touch $@
