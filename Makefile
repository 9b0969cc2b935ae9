# Everything a contributor runs. `make` alone lists it.
#
#   PYTHON=python3.13 make setup      another interpreter for the environment in .venv
#   ARGS="-k chain" make test         more arguments for the command behind a target
#   make chaos KILLS=50 SEED=7        fewer kills than 1000, the same choices once more; DATABASE=sqlite or postgres alone

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Pinned versions hold for the isolated build too: the first name is read by pip before 25.3, the second since.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$(BIN)/python -m pip

# What covers the core and the service. Traced, these tests take a third longer, so `make test` runs them without that.
COVERING := $(addprefix tests/,acceptance model outages unit/core unit/policy unit/warrants contract/test_trail.py \
	integration/test_benchmarks.py integration/test_output_command.py \
	$(addprefix attacks/test_an_insider_who_,bends_what_is_shown.py clicks_for_others.py prolongs.py)) $(wildcard tests/integration/test_slack_*.py)

# Where bytecode is not kept, each test process compiles every test again, and each bot all of jitbot.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo run test long kubernetes check audit fix docs bench bench-check chaos cover mutate chromium prometheus haproxy sshd

help: ## list what make can do
	@grep -hE '^[a-z-]+:.*## ' Makefile | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## install everything into .venv

demo: $(STAMP) ## try jitbot in a local Slack in the browser, without a Slack account
	@$(BIN)/jitbot demo $(ARGS)

run: $(STAMP) ## start the bot with the settings of the environment
	@$(BIN)/python app.py $(ARGS)

test: $(STAMP) chromium prometheus haproxy sshd ## run the tests, four at a time; those of docs/ are run by check
	@$(BIN)/pytest -n 4 --dist loadgroup $(if $(ARGS),$(ARGS),-m "not long" --ignore tests/docs)

cover: $(STAMP) haproxy sshd ## run the tests of the core and the service traced, and hold these to their coverage
	@rm -f .coverage .coverage.*
	@$(BIN)/pytest -n 3 --dist loadgroup -m "not long" --cov --cov-report= $(COVERING)
	@$(BIN)/python tests/coverage_gate.py

long: $(STAMP) haproxy sshd ## run the tests of the long tier: more versions of servers, more ways to die
	@$(BIN)/pytest -n 3 --dist loadgroup -m long $(ARGS)

kubernetes: $(STAMP) ## run the long tests of the runners for Kubernetes, on a real API server that is built once
	@.ci/kube-apiserver
	@$(BIN)/pytest -m long -rs tests/integration/kubernetes $(ARGS)

check: $(STAMP) ## lint, types, layers, spelling, hygiene, known holes, policies and docs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tests/hygiene.py
	$(BIN)/python tests/audit.py --unless-offline
	$(BIN)/jitbot policy check policies/ --strict
	$(BIN)/jitbot policy test policies/ --min-coverage 100
	$(BIN)/pytest -q tests/docs

audit: $(STAMP) ## ask whether the pinned packages have known holes; needs the network
	@$(BIN)/python tests/audit.py

fix: $(STAMP) ## mend what can be mended by itself: imports, format, simple findings
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(STAMP) ## write the generated parts of docs/ again, then test all of docs/
	$(BIN)/python -m tests.docs.generated
	$(BIN)/pytest -q tests/docs $(ARGS)

bench: $(STAMP) ## measure, and print the numbers
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(STAMP) ## kill the bot again and again while people work with it, and see that nothing is lost
	@$(BIN)/python -m tests.chaos

bench-check: $(STAMP) ## measure shortly, and see whether a ratio got worse than the one that is kept
	@$(BIN)/python -m benchmarks.check $(ARGS)

mutate: $(STAMP) prometheus haproxy sshd ## break the code on purpose, and see that the tests notice
	$(BIN)/python -m tests.mutate.run $(ARGS)

chromium:
	@.ci/chromium

prometheus:
	@.ci/prometheus

haproxy:
	@.ci/haproxy

sshd:
	@.ci/sshd

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "jitbot needs Python 3.11 or newer. Say which: make PYTHON=python3.13 …" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
		|| { echo "No environment could be made. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV) …"
	@$(PIP) install -qq -c constraints.txt -e '.[dev]'
	@touch $@
