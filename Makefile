# `make run` and `make test` need Python 3.11 or newer and a package index; everything else they bring themselves.

PYTHON ?= python3
PORT ?= 8000
HOST = 127.0.0.1
BIN = .venv/bin
LOCK = requirements-dev.lock

# A key of this checkout's own, made at the first use. A deployment sets SECRET_KEY itself.
ifndef SECRET_KEY
export SECRET_KEY_FILE ?= $(CURDIR)/.data/secret_key
endif

# Some images set it. Each of the suite's many processes would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check lint bench format schema messages lock install
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: install ## start the whole service (PORT=8000, HOST=127.0.0.1, ARTICLES=folder of the captured pages); Ctrl-C ends it
	@$(BIN)/python manage.py serve --host $(HOST) --port $(PORT) $(if $(ARTICLES),--articles "$(ARTICLES)")

test: install ## run the whole suite (ARGS="-k name" for a part, FULL=1 for what takes hours)
	@$(BIN)/python -m pytest -n auto $(ARGS)

check: lint ## lint, and the tests beside what changed (BASE=main: since that branch; else since HEAD)
	@$(BIN)/python -m pytest -n auto -q $$($(BIN)/python -m tests.beside $(BASE)) $(ARGS)

lint: install ## style, types, layers, and models without a migration
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DATABASE_URL=$${DATABASE_URL:-postgresql:///unused} $(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run

bench: install .data/bench/venv ## measure the service beside its peers, write docs/performance.md (ARGS=--quick; needs wrk, npm)
	@$(BIN)/python -m tests.bench.run $(ARGS)

# The peers' packages, apart from those of the service, whose versions are locked.
.data/bench/venv: pyproject.toml
	@echo "partybuild: installing the packages of the benchmark's peers"
	@mkdir -p -m 700 .data
	@rm -rf $@ && $(PYTHON) -m venv $@
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' > $@/requirements.txt
	@$@/bin/pip install --quiet --disable-pip-version-check --requirement $@/requirements.txt

format: install ## put the code into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

schema: install ## write docs/openapi.yaml
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --lang en --file docs/openapi.yaml

messages: install ## bring the Chinese texts up to date with the code and compile them (needs GNU gettext)
	@$(BIN)/python manage.py make_messages

lock: ## choose the newest versions that pyproject.toml allows (needs uv)
	@uv pip compile --quiet pyproject.toml --extra embedded --extra dev --output-file requirements-dev.lock --upgrade $(LOCK_OPTIONS)
	@uv pip compile --quiet pyproject.toml --constraint requirements-dev.lock --output-file requirements.lock $(LOCK_OPTIONS)

# No index and no host in the files: whoever installs says where packages come from; the hashes say which are right.
LOCK_OPTIONS = --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate

# Compared by content, not by time: a checkout changes the times.
install:
	@cmp -s $(LOCK) .venv/installed.lock && [ -x $(BIN)/python ] || $(MAKE) --no-print-directory .venv/installed

.PHONY: .venv/installed
.venv/installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "partybuild: $(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@[ -x $(BIN)/python ] || { echo "partybuild: creating .venv"; $(PYTHON) -m venv --clear .venv >/dev/null 2>&1; } || \
		{ echo "partybuild: $(PYTHON) cannot create .venv: is this folder yours, and its venv module there" \
			"(on Debian: python3-venv)?" >&2; exit 1; }
	@echo "partybuild: installing the locked packages (about half a minute)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r $(LOCK) >.venv/pip.log 2>&1 || \
		{ echo "partybuild: the packages cannot be installed; does a package index answer?" \
			"pip says: $$(grep -m 1 '^ERROR' .venv/pip.log || tail -n 1 .venv/pip.log) (all of it: .venv/pip.log)" >&2; exit 1; }
	@cp $(LOCK) .venv/installed.lock
