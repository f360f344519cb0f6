.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
BIN := .venv/bin
SETUP := .venv/.ready
BUF := tools/node_modules/.bin/buf
MEMBERS := libs/contracts libs/kit services/enrolment services/matching services/sessions services/feedback cli
GENERATED := libs/contracts/src
PROTOS = $(shell find proto/tandem -name '*.proto' | sort)

.PHONY: help
help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: setup
setup: $(SETUP) ## Make .venv with everything that Tandem needs
$(SETUP): requirements.lock $(MEMBERS:%=%/pyproject.toml)
	@echo "Setting up .venv (about a minute)…"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tandem needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

.PHONY: demo
demo: $(SETUP) ## Run the AXA France programme on a local stack (KEEP=1 leaves it running, LANG_UI=fr speaks French)
	@$(if $(LANG_UI),TANDEM_LANG=$(LANG_UI)) $(BIN)/tandem demo $(if $(KEEP),--keep)

.PHONY: test
test: $(SETUP) ## Run every test, with real Kafka and PostgreSQL
	$(BIN)/pytest

.PHONY: faults
faults: $(SETUP) ## Break things for an hour, and count what was lost (ROUNDS=…, SEED=…, RATE=…)
	$(BIN)/python -m tests.faults.rounds $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(RATE),--rate $(RATE))

.PHONY: faults-long
faults-long: $(SETUP) ## Break things once each, with time-outs as long as in production
	$(BIN)/python -m tests.faults.rounds --long

.PHONY: check
check: $(SETUP) $(BUF) ## Format, lint, types, import contracts, protos
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy libs/kit/src cli/src services/*/src tests benchmarks
	$(BIN)/lint-imports
	cd proto && ../$(BUF) lint && ../$(BUF) format --diff --exit-code && ../$(BUF) breaking --against released/v1.binpb
	node tools/asyncapi.mjs docs/events/asyncapi.yaml

.PHONY: format
format: $(SETUP) $(BUF) ## Format code and protos
	$(BIN)/ruff check --fix --quiet || true
	$(BIN)/ruff format
	cd proto && ../$(BUF) format -w

.PHONY: generate
generate: $(SETUP) ## Generate libs/contracts from proto/
	rm -rf $(GENERATED)/tandem && mkdir -p $(GENERATED)
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(GENERATED) --grpc_python_out=$(GENERATED) \
		--mypy_out=quiet:$(GENERATED) --mypy_grpc_out=quiet:$(GENERATED) $(PROTOS)
	find $(GENERATED)/tandem -type d -exec touch {}/__init__.py \;

.PHONY: docs
docs: $(SETUP) ## Write docs/events from proto/
	$(BIN)/python -m tandem_cli.event_docs

.PHONY: release-contract
release-contract: $(BUF) ## Promise what proto/ says now: from here on buf refuses what would break it
	cd proto && ../$(BUF) build -o released/v1.binpb

.PHONY: lock
lock: ## Pin every dependency again (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		$(foreach member,$(MEMBERS),--no-emit-package tandem-$(notdir $(member))) --group pyproject.toml:dev --group pyproject.toml:build pyproject.toml -o requirements.lock

PEERS := .tandem/cache/peers
.PHONY: bench
bench: $(SETUP) $(PEERS)/.ready ## Measure, beside a floor and peers in the same run
	$(BIN)/python -m benchmarks.events_end_to_end
	$(BIN)/python -m benchmarks.events_end_to_end --rate 300
	$(BIN)/python -m benchmarks.commands
	$(BIN)/python -m benchmarks.events_drained --peers $(PEERS)/bin/python

$(PEERS)/.ready: benchmarks/peers.lock
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.PHONY: clean
clean: ## Stop the local stack and remove what was built
	@test ! -x $(BIN)/tandem || $(BIN)/tandem down
	rm -rf .venv .tandem tools/node_modules

$(BUF): tools/package-lock.json
	@command -v npm > /dev/null || { echo "make check needs npm (Node 20 or newer) for buf."; exit 1; }
	cd tools && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@
