# Everything starts from Python ≥ 3.11 and make; the rest installs itself into .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV      = $(or $(shell command -v uv),$(BIN)/uv)
UV_PIN := uv==0.13.9

.DEFAULT_GOAL := help
.PHONY: help install demo clean-demo test test-fast check bench format constraints clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.demo ## Install Driftgate with all it needs into .venv
	@echo "Installed. Try: make demo"

demo: $(VENV)/.demo ## Run the whole story on this machine (ARGS=--exit leaves afterwards)
	@$(BIN)/driftgate demo $(ARGS)

clean-demo: ## Forget the demo's state (.driftgate/)
	@if [ -x $(BIN)/driftgate ]; then $(BIN)/driftgate demo --clean; else rm -rf .driftgate; fi

test: check ## Run every check and test, the whole demo included
	$(BIN)/python -m pytest -n 2

test-fast: $(VENV)/.dev ## Run the tests but the demo
	$(BIN)/python -m pytest -n 2 -m "not demo"

check: $(VENV)/.dev ## Lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)-bench/.done ## Measure side by side with the peers, in an environment of their own (minutes)
	$(VENV)-bench/bin/python benchmarks/bench_validate.py
	$(VENV)-bench/bin/python benchmarks/bench_parse.py
	$(VENV)-bench/bin/python benchmarks/bench_gates.py
	$(VENV)-bench/bin/python benchmarks/bench_serving.py

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: $(VENV)/.dev ## Resolve constraints.txt anew
	$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
	  --no-header --no-annotate --quiet --output-file constraints.txt

clean: clean-demo ## Remove the virtual environment too
	rm -rf $(VENV) $(VENV)-bench

# venv needs ensurepip, which some distributions split off; uv does without.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Driftgate needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.12 install"; exit 1; }
	@if command -v uv >/dev/null; then uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); \
	  else $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check $(UV_PIN); fi

# Compiled now, or every Airflow task would compile what it imports.
$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing Driftgate and its dependencies into $(VENV) …"
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)-bench/.done: $(VENV)/.demo benchmarks/requirements.txt benchmarks/requirements-drift.txt
	@$(UV) venv --quiet --clear --python $(BIN)/python $(VENV)-bench
	@$(UV) pip install --quiet --compile-bytecode --python $(VENV)-bench/bin/python -c constraints.txt \
	  -r benchmarks/requirements.txt -e '.[demo]'
	@$(UV) pip install --quiet --compile-bytecode --python $(VENV)-bench/bin/python -r benchmarks/requirements-drift.txt
	@touch $@
