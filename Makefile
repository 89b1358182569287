# Everything runs in .venv, which the targets make and update by themselves; nothing needs activating.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(abspath $(VENV))/bin
UV := uv==0.13.9
PROTOS := $(sort $(wildcard protos/outboundsms/v1/*.proto))
STUBS := clients/python
CODE := server clients/python tests

# Where make is not given a terminal, programs must not wait for one.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Tests and demo start many programs, each of which would compile hundreds of modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.runtime ## Sends an outage text to an example network site, and shows it happen
	@$(BIN)/outbound-sms demo

.PHONY: run
run: $(VENV)/.runtime ## Runs a server here, with its database and a sandbox carrier, until Ctrl-C
	@exec $(BIN)/outbound-sms run

.PHONY: setup
setup: $(VENV)/.development ## Makes .venv with all that development needs; the others do it too

.PHONY: test
test: $(VENV)/.development $(VENV)/.node $(VENV)/.smpp-peers ## Runs all tests (TESTS='tests/domain -k segment' runs some)
	@$(BIN)/python -m pytest -n 2 -p tests.workers $(TESTS)

.PHONY: fmt
fmt: $(VENV)/.development ## Formats Python and protos
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format $(CODE)
	@$(BIN)/buf format -w --path protos/outboundsms

.PHONY: gen
gen: $(VENV)/.development ## Generates the Python stubs from protos
	@rm -f $(STUBS)/outboundsms/v1/*_pb2*.py $(STUBS)/outboundsms/v1/*_pb2*.pyi
	@$(call protoc,$(STUBS))

.PHONY: verify
verify: lint types layers protos stubs breaking ## Checks style, types, layers, protos and generated stubs

.PHONY: lint
lint: $(VENV)/.development
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)

.PHONY: types
types: $(VENV)/.development
	@$(BIN)/mypy

.PHONY: layers
layers: $(VENV)/.development
	@$(BIN)/lint-imports

.PHONY: protos
protos: $(VENV)/.development
	@$(BIN)/buf lint
	@$(BIN)/buf format -d --exit-code --path protos/outboundsms

.PHONY: stubs
stubs: $(VENV)/.development
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(call protoc,"$$fresh") && \
	diff -rq -x __init__.py -x __pycache__ "$$fresh/outboundsms/v1" $(STUBS)/outboundsms/v1 || \
	{ echo "The stubs in $(STUBS) are not what protos give: run make gen."; exit 1; }

# The contract may grow but not break what is on the main branch.
.PHONY: breaking
breaking: $(VENV)/.development
	@for main in origin/main main; do \
		git rev-parse --quiet --verify "$$main:protos" >/dev/null 2>&1 || continue; \
		before=$$(mktemp -d); trap 'rm -rf "$$before"' EXIT; \
		git archive "$$main" protos buf.yaml | tar -x -C "$$before"; \
		$(BIN)/buf breaking --against "$$before" || \
		{ echo "The contract breaks clients of $$main."; exit 1; }; \
		exit 0; \
	done; \
	echo "breaking: skipped, there is no main branch with a contract to compare with."

.PHONY: bench
bench: $(VENV)/.development $(VENV)/.node ## Measures, and prints a JSON line for each benchmark
	@$(BIN)/python -m tests.bench $(BENCH)

.PHONY: clean
clean: ## Removes .venv, caches and the data of demo and run
	rm -rf $(VENV) .data build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find server clients tests -name __pycache__ -prune -exec rm -rf {} +
	find server clients -name '*.egg-info' -prune -exec rm -rf {} +

# Generates Python stubs with types for all of $(PROTOS) into the folder $(1).
define protoc
PATH="$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I protos --python_out=$(1) \
	--grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(PROTOS)
endef

# Installs what $(1) pins, and this package so that changes to it need no new installation. uv takes
# seconds where pip takes a minute; where it cannot be had, pip does it.
define install
if $(BIN)/pip install --quiet $(UV) && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements/$(1).txt && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation \
		-e clients/python -e .; \
then :; else \
	echo "uv could not install it; trying pip." && \
	$(BIN)/pip install --quiet -r requirements/$(1).txt && \
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e clients/python -e .; \
fi
endef

PROJECTS := pyproject.toml clients/python/pyproject.toml

$(VENV)/.runtime: requirements/runtime.txt $(PROJECTS) | $(VENV)/.made
	@echo "Installing what the server needs into $(VENV)"
	@$(call install,runtime)
	@touch $@

$(VENV)/.development: requirements/development.txt $(PROJECTS) | $(VENV)/.made
	@echo "Installing what development needs into $(VENV)"
	@$(call install,development)
	@touch $@ $(VENV)/.runtime

# Carriers and contracts of others, which tests talk to; where npm or they cannot be had, those tests are
# skipped, and say so.
$(VENV)/.node: tests/node/package.json | $(VENV)/.made
	@echo "Installing what tests talk to into $(VENV)/node"
	@mkdir -p $(VENV)/node && cp tests/node/package.json $(VENV)/node/ && \
	npm install --prefix $(VENV)/node --no-package-lock --ignore-scripts --no-audit --no-fund \
		--loglevel=error >/dev/null && touch $@ || \
	echo "They could not be installed (is npm there?); their tests are skipped."

# SMSCs that misbehave, which are in Jasmin's source package only, and what they need, out of the way of
# everything else; where they cannot be had their tests are skipped, and say so.
SMPP_PEERS := $(VENV)/smpp-peers
JASMIN := jasmin==0.11.1

$(VENV)/.smpp-peers: requirements/smpp-peers.txt | $(VENV)/.made
	@echo "Installing SMSCs that tests talk to into $(SMPP_PEERS)"
	@$(PYTHON) -m venv $(SMPP_PEERS) && \
	$(SMPP_PEERS)/bin/pip install --quiet -r requirements/smpp-peers.txt && \
	$(SMPP_PEERS)/bin/pip download --quiet --no-deps --no-binary jasmin --dest $(SMPP_PEERS) $(JASMIN) && \
	tar -xzf $(SMPP_PEERS)/jasmin-*.tar.gz -C $(SMPP_PEERS) --strip-components=4 --wildcards \
		'*/tests/protocols/smpp/smsc_simulator.py' && \
	rm $(SMPP_PEERS)/jasmin-*.tar.gz && touch $@ || \
	echo "They could not be installed; their tests are skipped."

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed, and $(PYTHON) is older: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@
