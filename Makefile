# Two commands make a study from nothing: `make demo` and `make test`. `make help` lists the others.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
# nproc itself obeys OMP_NUM_THREADS, so that is taken away from it.
CORES ?= $(shell env -u OMP_NUM_THREADS nproc 2>/dev/null || echo 2)
WORKERS ?= 2

VENV := .venv
STAMP := $(VENV)/installed
LINT_SHEET := build/lint/cases.tsv
INSTALLER := $(wildcard workflow/tools/install.sh workflow/tools/build_pyradiomics.sh \
	workflow/tools/build_pyradiomics/*.py)
NEED_DATA = @[ -d "$${RADPIPE_TEST_DATA:-}" ] || { \
	echo "radpipe: set RADPIPE_TEST_DATA to the folder of real test data" >&2; exit 1; }
SNAKEMAKE := snakemake --cores $(CORES) --workflow-profile workflow/profiles/default

# One thread a process: Snakemake runs jobs beside each other, and threads on top collapse.
export OMP_NUM_THREADS ?= 1
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# A module system's PYTHONPATH would shadow the locked packages.
unexport PYTHONPATH PYTHONHOME

.PHONY: help install demo test test-slow lint bench sts hippocampus survival lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
	@echo "Variables: PYTHON=$(PYTHON) CORES=$(CORES) WORKERS=$(WORKERS); RADPIPE_TEST_DATA=folder of real test data"

install: $(STAMP) ## create .venv with the locked packages

$(STAMP): requirements.lock pyproject.toml $(INSTALLER)
	@bash workflow/tools/install.sh "$(PYTHON)" $(VENV)
	@touch $@

demo: $(STAMP) demo/cases.tsv ## simulate a cohort and run the whole study to a report
	$(SNAKEMAKE)
	@printf '\nThe report of the demo:\n'
	@ls "$(CURDIR)/reports/demo/report.html" "$(CURDIR)/reports/demo/report.pdf"

demo/cases.tsv: | $(STAMP)
	radpipe demo demo

test: $(STAMP) ## run the default tests
	python -m pytest -n $(WORKERS) --dist loadfile tests

test-slow: $(STAMP) ## run the tests that take minutes
	python -m pytest -n $(WORKERS) --dist loadfile -m slow tests

lint: $(STAMP) $(LINT_SHEET) ## ruff, types, snakefmt, snakemake --lint
	ruff check .
	ruff format --check .
	python -m mypy
	snakefmt --check Snakefile rules
	python workflow/tools/lint_workflow.py --config cases=$(LINT_SHEET)

# Snakemake reads the case sheet before it can lint; a tiny cohort serves.
$(LINT_SHEET): | $(STAMP)
	radpipe demo --tiny $(@D)

bench: $(STAMP) ## run every benchmark in its quick form
	for benchmark in benchmarks/*.py; do python "$$benchmark" --quick; done

sts: $(STAMP) ## run the study of 12 soft-tissue sarcomas (needs RADPIPE_TEST_DATA)
hippocampus: $(STAMP) ## run the segmentation of 80 hippocampi (needs RADPIPE_TEST_DATA)
sts hippocampus:
	$(NEED_DATA)
	[ -f $@/cases.tsv ] || python workflow/tools/make_$@_sheet.py \
	  --data "$$RADPIPE_TEST_DATA" --out $@/cases.tsv
	$(SNAKEMAKE) --configfile config/$@.yaml

survival: $(STAMP) ## run three public survival studies (needs RADPIPE_TEST_DATA)
	$(NEED_DATA)
	[ -f $@/whas500/cases.tsv ] || python workflow/tools/make_survival_sheet.py \
	  --data "$$RADPIPE_TEST_DATA" --out $@
	for study in veteran gbsg2 whas500; do $(SNAKEMAKE) --configfile config/$$study.yaml; done

lock: $(STAMP) ## write requirements.lock from what is installed in .venv
	python workflow/tools/write_lock.py

clean: ## remove the demo, what it produced, and caches; .venv and other studies stay
	rm -rf demo results/demo reports/demo .snakemake build
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests workflow benchmarks -name __pycache__ -prune -exec rm -rf {} +
