# `make help` lists what there is. PYTHON=python3.12 chooses the Python that makes .venv.
PYTHON ?= python3
BIN := .venv/bin
PRODUCTION := env -u DATABASE_URL DEBUG=0 HTTPS=1 ALLOWED_HOSTS=ims.example.com SECRET_KEY=lint-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJK STATIC_ROOT=var/lint-static
# Compiled tests are kept: else each process would rewrite every assertion anew.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test test-slow soak load bench screenshots lint lint-types lint-site audit clean install-run install-dev

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install-run  ## IMS with demo data at http://localhost:8000 (PORT=8001, DATABASE_URL=postgres://…)
	@exec $(BIN)/python scripts/run.py

test: install-dev  ## Every test on SQLite but the heaviest, then all but the browser's on a real PostgreSQL
	$(PYTEST) -m "not slow and not heavy"
	$(PYTEST) -m "not slow and not browser" --postgres

test-slow: install-dev  ## The tests that take minutes, and the heavy ones, on both databases
	$(PYTEST) -m "slow or heavy"
	$(PYTEST) -m slow --postgres

soak: install-dev  ## Thousands of jobs while clusters and the database are killed: SQLite, then PostgreSQL
	$(BIN)/python -m tests.faults.soak --jobs 3000 --seconds 120
	$(BIN)/python -m tests.faults.soak --jobs 5000 --seconds 240 --postgres

load: install-dev  ## The whole product under mixed load for an hour while it is broken at random: var/load.md
	$(BIN)/python -m tests.load --minutes 60

bench: install-dev  ## This project beside Celery and others, then each system: bench/RESULTS.md (most of an hour)
	$(BIN)/python -m bench

screenshots: install-dev  ## The pictures of README.md and docs/, taken anew of a demo that it starts (four minutes)
	$(BIN)/python -m scripts.screenshots

lint: lint-types lint-site  ## Style, types, Django's checks as in production, missing migrations, OpenAPI

lint-types: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=1 $(BIN)/mypy

lint-site: install-dev
	DEBUG=1 $(BIN)/python -W error manage.py check --fail-level WARNING
	$(PRODUCTION) $(BIN)/python -W error manage.py check --deploy --fail-level WARNING
	$(PRODUCTION) $(BIN)/python manage.py collectstatic --noinput --clear --verbosity 0
	DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=1 $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

audit: install-dev  ## Known advisories against the pinned packages (asks the network)
	$(BIN)/python scripts/audit.py requirements.txt

clean:  ## Remove .venv, caches and the demo's data
	rm -rf .venv var staticfiles .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install-run:
	@$(PYTHON) scripts/install.py requirements-run.txt

install-dev:
	@$(PYTHON) scripts/install.py requirements-dev.txt
