# Two commands do all the set-up, each in an environment of its own:
#
#   make check    says what this machine and this checkout can do
#   make test     prepares what the tests need, and runs them
#
# PYTHON and VENV choose another interpreter and another place; ARGS goes to the command that runs.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
# setuptools warns of every editable installation: nothing that a user could act on.
INSTALL := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help check fix test mutants lint docs docs-check site benchmark clean

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

check: $(VENV)/.installed
	@$(BIN)/bpfdoctor check $(ARGS)

fix: $(VENV)/.installed
	@$(BIN)/bpfdoctor fix $(ARGS)

# Without ARGS, all tests: two at a time, but for those that boot kernels and build bare roots.
ALONE := tests/vm tests/roots
test: $(VENV)/.test
	@tests/prepare
ifeq ($(strip $(ARGS)),)
	@PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/pytest -n 2 $(ALONE:%=--ignore=%)
	@PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/pytest $(ALONE)
else
	@PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/pytest $(ARGS)
endif

# PART is a path below bpfdoctor/, or checks; ARGS are names of mutants, all without.
PART ?= engine
TESTS ?= tests/$(PART)

mutants: $(VENV)/.mutation
	@tests/prepare
	@PATH="$(abspath $(BIN)):$$PATH:/usr/sbin:/sbin" tests/mutate '$(PART)' '$(TESTS)' $(ARGS)

lint: $(VENV)/.lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/vulture
	@$(BIN)/vulture bpfdoctor checks docs benchmarks tests
	@$(BIN)/mypy

docs: $(VENV)/.installed
	@$(BIN)/python docs/generate.py

docs-check: $(VENV)/.installed
	@$(BIN)/python docs/generate.py --check

site: $(VENV)/.docs docs
	@$(BIN)/mkdocs build --strict

# A wheel in an environment of its own, as users have it: an editable installation starts later.
benchmark:
	@rm -rf build
	@$(PYTHON) -m venv --clear --upgrade-deps $(VENV)-benchmark
	@$(VENV)-benchmark/bin/python -m pip install --quiet --disable-pip-version-check .
	@PATH="$$PATH:/usr/sbin:/sbin" $(VENV)-benchmark/bin/python benchmarks/run.py $(ARGS)

clean:
	rm -rf $(VENV) $(VENV)-benchmark mutants build dist site bpfdoctor.egg-info

# Editable, so that a change in the clone needs no second installation. --upgrade-deps: dependency
# groups take pip 25.1.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -m venv --upgrade-deps $(VENV)
	@$(INSTALL) -e .
	@touch $@

# mypy reads the tests too; mutmut runs them.
$(VENV)/.lint $(VENV)/.mutation: $(VENV)/.test
$(VENV)/.test $(VENV)/.lint $(VENV)/.mutation $(VENV)/.docs: $(VENV)/.%: $(VENV)/.installed pyproject.toml
	@$(INSTALL) --group $*
	@touch $@
