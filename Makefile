# `make sync` and `make test` need nothing but Python 3.11 or 3.12 and a package registry; the rest is in here.
#
#   make sync                          an invented company into warehouse.duckdb
#   make sync CONFIG=config.json       a real account (the connector's configuration)
#   make sync WAREHOUSE=other.duckdb   another file; or WAREHOUSE=postgresql://user@host/database
#   make sync STREAMS=messages,users   only these; RESET=1 empties the warehouse first
#   make sync REPORT=                  without the page at the end, which is report.html, or NAME.html of NAME.duckdb
#   make models                        the marts of dbt_dialpad in that warehouse, built and tested

VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
MANIFEST ?= dist/manifest.yaml
REPORT ?= $(patsubst warehouse.html,report.html,$(if $(filter %.duckdb,$(WAREHOUSE)),$(WAREHOUSE:.duckdb=.html),report.html))
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help sync doctor models report report-picture report-test tables test test-fast lint format env constraints constraints-marts manifest wheel-test image-test kill-test bench bench-waiting fuzz audit clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 19
	@sed -n '3,9s/^#   //p' $(firstword $(MAKEFILE_LIST))

sync: env ## load an account into a warehouse; run it again for what is new
	@$(BIN)/python -m warehouse $(if $(CONFIG),--config '$(CONFIG)') $(if $(WAREHOUSE),--into '$(WAREHOUSE)') \
		$(if $(STREAMS),--streams '$(STREAMS)') $(if $(RESET),--reset) $(if $(REPORT),--report '$(REPORT)')

doctor: env ## what no document says, found out of your account; CONFIG=secrets/config.json, OUT=folder for its two files
	@$(BIN)/python -m doctor $(if $(CONFIG),--config '$(CONFIG)') $(if $(COMPARE),--compare '$(COMPARE)') $(if $(OUT),--out '$(OUT)')

models: env .marts/.ready ## the dbt package's marts, built and tested in the warehouse that `make sync` wrote
	@$(BIN)/python -m dbt_dialpad $(if $(WAREHOUSE),--warehouse '$(WAREHOUSE)') $(if $(VARS),--vars '$(VARS)')

report: env .marts/.ready ## the marts of that warehouse as one page, report.html or NAME.html of NAME.duckdb; REPORT_NAMES=initials or none for agents
	@.marts/bin/python -m report $(if $(WAREHOUSE),--warehouse '$(WAREHOUSE)') $(if $(REPORT),--to '$(REPORT)') \
		$(if $(REPORT_NAMES),--names '$(REPORT_NAMES)') $(if $(VARS),--vars '$(VARS)')

report-test: env .marts/.ready ## the tests of that page, also in a real browser: installs Debian's Chromium (as root) and Playwright
	@test -x /usr/bin/chromium || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-liberation; } >/dev/null
	@.marts/bin/python -m pip install -qq --disable-pip-version-check playwright==1.65.2 axe-core-python==0.1.0
	@$(BIN)/python -m pytest -q integration_tests/report

report-picture: ## the picture of the README, docs/report.png, of report.html as it is; needs what report-test installs
	@.marts/bin/python integration_tests/report/in_browser.py $(REPORT) docs/report.png

# An environment of its own: dbt-core 1.11 and mypy 2 want different versions of pathspec. Made when it is first needed.
.marts/.ready: $(VENV)/.ready constraints-marts.txt
	@test -x .marts/bin/python || $(BIN)/python -m venv .marts
	@$(BIN)/uv pip install -q --compile-bytecode --python .marts/bin/python -r constraints-marts.txt 2>.marts/uv.log \
		|| .marts/bin/python -m pip install -qq --disable-pip-version-check -r constraints-marts.txt
	@touch $@

constraints-marts: env ## take the newest versions that fit into constraints-marts.txt
	@printf 'dbt-core>=1.11,<1.12\ndbt-duckdb>=1.10,<1.12\ndbt-postgres>=1.10,<1.12\nduckdb==1.4.3\nsqlglot\nvl-convert-python<2\n' | $(BIN)/uv pip compile -q - \
		--universal --python-version 3.11 --upgrade --no-header --no-annotate --output-file constraints.draft >/dev/null
	@{ echo '# Every version of the environment .marts, in which dbt builds the models. Made by `make constraints-marts`:'; \
		echo '# not by hand. Its own environment, since dbt-core 1.11 and mypy 2 want different versions of pathspec.'; \
		cat constraints.draft; } >constraints-marts.txt
	@rm constraints.draft

test: lint .marts/.ready ## everything: lint and types, then every test
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-fast: env ## a part of the unit tests, under a minute: no lint, no servers, no fuzz, no docs (CONTRIBUTING.md)
	@$(BIN)/python -m pytest -q -m 'not slow' -n $(WORKERS) --dist loadfile unit_tests/core unit_tests/engagement unit_tests/analytics \
		unit_tests/stats unit_tests/directory unit_tests/events unit_tests/test_manifest.py

format: env ## ruff: format, and fix what it can
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix .

lint: env ## ruff and mypy, both strict
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/mypy --no-error-summary

image-test: env ## build the image and run it, without a container engine (Debian, as root)
	@$(BIN)/python integration_tests/image/build_and_run.py

kill-test: env ## kill -9 at fifty moments of a sync of everything, and what the syncs after them bring (minutes)
	@$(BIN)/python -m integration_tests.resume.real_kills

fuzz: env ## answers, files and webhooks bent at random, for minutes; EXAMPLES=5000 for longer
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),300) $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 3600 unit_tests/fuzz

audit: env ## every pinned dependency against the database of known vulnerabilities (asks pypi.org)
	@$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --progress-spinner off

bench: env .bench/.ready ## how fast, how much memory, beside other programs; FULL=1 with more rows (minutes)
	@$(BIN)/python -m benchmarks prove reading start memory growth --write $(if $(FULL),--full)

bench-waiting: env ## a year's backfill and an hourly sync against the API's limits (minutes)
	@$(BIN)/python -m benchmarks waiting --write

.bench/.ready: benchmarks/requirements.txt $(VENV)/.ready
	@test -x .bench/bin/python || $(BIN)/python -m venv .bench
	@.bench/bin/python -m pip install -qq --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

wheel-test: env ## install the wheel with Python 3.11, 3.12 and 3.13, each where nothing else is, and use it
	@$(BIN)/python -m integration_tests.wheel.elsewhere

tables: env ## renew what follows from manifest and schemas: tables of the docs, recorded files, staging models of dbt
	@echo 'The tables of streams, and of what of the API is read'
	@$(BIN)/python -m unit_tests.stream_tables
	@$(BIN)/python -m unit_tests.coverage_table
	@echo 'The recorded files of integration_tests/, from two syncs of the fake (half a minute)'
	@$(BIN)/python -m integration_tests.standard
	@echo 'The staging models of dbt'
	@$(BIN)/python -m dbt_dialpad.make_staging
	@echo 'What the doctor says of each variant (a minute)'
	@$(BIN)/python -m integration_tests.doctor.table

manifest: env ## the manifest and its schemas in one file, dist/manifest.yaml, for other runners
	@mkdir -p $(dir $(MANIFEST))
	@$(BIN)/python -c 'import json, sys, yaml; from source_dialpad.manifest import composed_manifest; \
		yaml.safe_dump(json.loads(json.dumps(composed_manifest())), sys.stdout, sort_keys=False, width=120)' >$(MANIFEST)

env: $(VENV)/.ready ## the environment, made anew when setup.py or constraints.txt has changed

# PyAirbyte has no release for Python 3.13, so the environment stands on 3.11 or 3.12. uv installs it in a tenth of
# pip's time, but reads no pip configuration; where it finds no registry, pip does it. Compiled at once, every start of
# the connector and of PyAirbyte is some seconds shorter.
$(VENV)/.ready: setup.py constraints.txt
	@for python in $(PYTHON) python3.11 python3.12 python3; do \
		$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
			&& found=$$python && break; \
	done; \
	test -n "$$found" || { echo 'Python 3.11 or 3.12 with its venv module is needed, and none was found. Name one: make PYTHON=/path/to/python3.11' >&2; exit 1; }; \
	echo "Making $(VENV) with $$($$found --version); a minute at most."; \
	test -x $(BIN)/python || $$found -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt uv
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev,receiver]' 2>$(VENV)/uv.log \
		|| $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev,receiver]'
	@touch $@

constraints: env ## take the newest versions that fit into constraints.txt
	@$(BIN)/uv pip compile -q setup.py --extra dev --extra receiver --universal --python-version 3.11 --upgrade \
		--no-header --no-annotate --output-file constraints.draft >/dev/null
	@{ echo '# Every version, direct and transitive, for Python 3.11 to 3.13. Made by `make constraints`: not by hand.'; \
		cat constraints.draft; } >constraints.txt
	@rm constraints.draft

clean: ## remove what was made, but never a warehouse
	@rm -rf $(VENV) .bench .marts dbt_dialpad/target build dist *.egg-info .sync .image .tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis
