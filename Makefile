# `make run` serves on http://127.0.0.1:8000, `make test` tests; both need Python 3.11 or later.

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --requirement
# Rules for OpenAPI that .redocly.yaml names; it is the only part of `make lint` that needs node.
REDOCLY := REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true npx --yes @redocly/cli@2.77.0

# The embedded store has wheels for Python 3.11 to 3.13; a later Python runs without it.
FIND_PYTHON = for python in python3.13 python3.12 python3.11 python3; do \
		$$python -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
		&& { echo $$python; exit; }; done; echo python3

.PHONY: run test test-fast test-long coverage drill lint format postman screenshots bench race clean

run: $(VENV)/runs
	@if [ -z "$$MONGODB_URI$$MONGODB_URI_FILE" ] && [ ! -x $(VENV)/bin/secantusd-py ]; then \
		echo "WARNING: the embedded store is not to be had for $$($(PYTHON) --version)."; \
		echo "WARNING: NOTHING IS KEPT. To keep data set MONGODB_URI, or install Python 3.13."; \
		export MONGODB_URI=mongomock://; \
	fi; \
	exec $(PYTHON) manage.py runservice

test: $(VENV)/installed
	$(PYTHON) -m tests

test-fast: $(VENV)/installed
	$(PYTHON) -m tests --fast

test-long: $(VENV)/installed
	$(PYTHON) -m tests --long

coverage: $(VENV)/installed
	$(PYTHON) -m tests --coverage

# DRILL=--help says how to play some of it: all of it takes 75 minutes.
drill: $(VENV)/installed
	$(PYTHON) -m tests.failover $(DRILL)

lint: $(VENV)/installed
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy .
	MONGODB_URI=mongomock:// $(PYTHON) manage.py spectacular --validate --fail-on-warn \
		--format openapi-json --file $(VENV)/schema.json
	@if command -v npx >/dev/null; then $(REDOCLY) lint --config .redocly.yaml $(VENV)/schema.json; \
	else echo "WARNING: without node's npx, Redocly's rules for the schema are not checked."; fi

format: $(VENV)/installed
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

screenshots: $(VENV)/installed
	$(PYTHON) -m tests.screenshots

postman: $(VENV)/installed
	MONGODB_URI=mongomock:// $(PYTHON) manage.py postman

# BENCH=--quick takes two minutes; BENCH=--help says what else there is.
bench: $(VENV)/installed
	$(PYTHON) -m benchmarks $(BENCH)

# The same work done by FastAPI with Beanie, Eve, plain DRF and the Flask service.
race: $(VENV)/installed
	$(PYTHON) -m benchmarks.peers

# What runs the service, without the tools of the tests and linters.
$(VENV)/runs: requirements.txt requirements-run.txt
	python=$$($(FIND_PYTHON)) && $$python -m venv $(VENV)
	$(INSTALL) requirements-run.txt
	touch $@

$(VENV)/installed: $(VENV)/runs requirements-dev.txt
	$(INSTALL) requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
