# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 6
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps

# Commands and tests start many processes, which all import the same modules.
export PYTHONDONTWRITEBYTECODE :=

COMPILE := $(VENV)-lock/bin/pip-compile --quiet --no-strip-extras --allow-unsafe --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: demo test check audit lock clean

# What a run needs, at the versions and hashes of the lock, which names all there is: nothing has to
# be resolved, and all of it is compiled at once by as many processes as there are processors. (Some
# packages bring files that are no modules of this Python.)
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Packshot needs Python 3.11 or newer; try: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	sed '/^# ---/,$$d' requirements.lock > $(VENV)/run.lock
	$(PIP) --no-compile --require-hashes -r $(VENV)/run.lock
	$(PIP) --no-build-isolation -e .
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $(READY)

# The rest of the lock: optional extras, and what checks and tests the project.
$(TOOLS): $(READY)
	$(PIP) --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	$(BIN)/python -c "import rembg"  # compiles for a minute: once here, or in each worker of the tests
	@touch $(TOOLS)

demo: $(READY)
	$(BIN)/packshot demo

# In the order of the files, so that those that wait longest do not come last.
test: $(TOOLS)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

# Lint, format and types, as .ci/run does.
check: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Known weaknesses of what the lock holds; says so where there is no internet to ask.
audit: $(TOOLS)
	$(BIN)/python .ci/audit.py

# Writes the lock anew from pyproject.toml; no address of an index enters it.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/pip install --quiet "pip-tools>=7.6,<8"
	$(COMPILE) --generate-hashes --extra dev --extra rembg --output-file $(VENV)-lock/whole.txt pyproject.toml
	$(COMPILE) --no-annotate --extra build --constraint $(VENV)-lock/whole.txt \
		--output-file $(VENV)-lock/base.txt pyproject.toml
	$(VENV)-lock/bin/python .ci/lock.py $(VENV)-lock/whole.txt $(VENV)-lock/base.txt requirements.lock

clean:
	rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache
