# Needs make and Python 3.11 or newer; everything else is fetched into .venv and frontend/node_modules.
#
#   make demo          set up, start the stack, submit the example runs, print one link
#   make test          set up, check everything, run all tests
#   make up            start the stack without the examples
#   make chaos         a hundred runs disturbed at random moments (SEEDS=0-99)
#   make check         lint, types, import contracts
#   make screenshots   take the pictures of docs/img from a real run
#   make clean         remove what was fetched and built; runs are kept in their own home
#
# ARGS are passed on: make demo ARGS=--again, make test ARGS="-k pause"

PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export OMP_NUM_THREADS := 1

.PHONY: demo up test chaos check screenshots setup clean

demo: setup
	@exec $(BIN)/copd demo $(ARGS)

up: setup
	@exec $(BIN)/copd up $(ARGS)

setup:
	@$(PYTHON) scripts/setup.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-cache
	cd frontend && npm run --silent check

test:
	@$(PYTHON) scripts/setup.py --tests
	@$(MAKE) --no-print-directory check
	cd frontend && npm run --silent test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

chaos:
	@$(PYTHON) scripts/setup.py --tests
	COPD_CHAOS_SEEDS=$(or $(SEEDS),0-99) $(BIN)/pytest -rA tests/chaos $(ARGS)

screenshots: setup
	$(BIN)/python scripts/screenshots.py $(ARGS)
	COPD_PICTURES=docs/img/states $(BIN)/pytest -q tests/browser/test_first_visit.py tests/browser/test_states.py tests/browser/test_pages.py tests/browser/test_stream.py

clean:
	rm -rf .venv frontend/node_modules server/static .pytest_cache .ruff_cache .hypothesis test-results build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
