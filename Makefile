# Two commands: `make playground` (PAGE=forum or PAGE=dm for another page) and `make test`. Both make a virtual
# environment in .venv first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: playground run test test-ray test-all lint lint-deploy format messages constraints locks audit sbom clean

playground: $(VENV)/.playground
	@$(BIN)/python -m bot playground $(if $(PAGE),--page $(PAGE))

run: $(VENV)/.playground
	@$(BIN)/python -m bot run

# One more than there are cores: tests wait for sockets and for processes that they start.
PROCESSES ?= 3

# Bytecode is kept, or each process that a test starts would compile everything anew.
test: export PYTHONDONTWRITEBYTECODE =
test: lint
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# A raylet gives up after 15 s without its agents, and has no setting for it, so nothing else runs beside these.
test-ray: export PYTHONDONTWRITEBYTECODE =
test-ray: $(VENV)/.dev
	$(BIN)/python -m pytest -m ray

# With coverage, and with what takes longer: the starter's real weights, every test of a command through the
# API as well, and processes that are killed.
test-all: export PYTHONDONTWRITEBYTECODE =
test-all: lint
	$(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder -m "not ray" --cov --cov-report=term:skip-covered
	$(BIN)/python -m pytest -m ray

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The Dockerfile, Compose, Kubernetes, systemd and Prometheus: docs/OPERATIONS.md.
lint-deploy: $(VENV)/.dev
	$(BIN)/python -m tests.deploy.lint

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The catalogues of messages in people's languages: extracted, updated, compiled (docs/TRANSLATING.md). LANGUAGE=it adds
# one. A test fails if they are stale.
messages: $(VENV)/.dev
	$(BIN)/python -m tests.locales.messages $(LANGUAGE)

# The newest versions that pyproject.toml allows, for when they are to be tried.
constraints:
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --editable ".[dev,engines]"
	{ head -n 1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//'; } > constraints.new
	mv constraints.new constraints.txt
	$(MAKE) locks

# What the images install, with the digest of each file. The CPU's has no PyTorch, whose CPU builds have an index of
# their own, nor what only PyTorch for CUDA needs.
LOCKS := docs/deploy/locks
LOCK = $(BIN)/uv pip compile pyproject.toml --constraint constraints.txt --python-version 3.11 --universal --quiet \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make locks"

locks: $(VENV)/.dev
	$(LOCK) --extra postgres --output-file $(LOCKS)/bot.txt
	$(LOCK) --extra ray --output-file $(LOCKS)/inference-cuda.txt
	$(LOCK) --extra ray --output-file $(LOCKS)/inference-cpu.txt \
		$$(sed -nE 's/^((torch|triton|cuda-|nvidia-)[a-z0-9-]*)==.*/--no-emit-package \1/p' $(LOCKS)/inference-cuda.txt)

# Known vulnerabilities of what is installed (it asks the Python package index, then OSV), and ruff's security rules.
audit: $(VENV)/.dev
	$(BIN)/ruff check --select S bot cogs
	$(BIN)/python -m tests.audit $(LOCKS)/bot.txt $(LOCKS)/inference-cuda.txt

# What each image holds, as CycloneDX, in build/.
sbom: $(VENV)/.dev
	mkdir -p build
	for lock in bot inference-cpu inference-cuda; do \
		$(BIN)/cyclonedx-py requirements $(LOCKS)/$$lock.txt --pyproject pyproject.toml --output-reproducible \
			--output-file build/$$lock.cdx.json || exit 1; \
	done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Glassbox needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.playground: pyproject.toml constraints.txt $(VENV)/bin/python
	@echo "Installing what Glassbox needs into $(VENV). PyTorch is large: this takes a few minutes, once."
	$(INSTALL) ".[playground]"
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt $(VENV)/bin/python
	$(INSTALL) ".[dev]"
	@touch $@ $(VENV)/.playground
