# Every task of the project, one line per task: `make help`.

PYTHON ?= python3
LOWEST_PYTHON ?= python3.10
VENV ?= .venv
BIN := $(VENV)/bin
# uv finds wheels where pip is told to find them: by the environment, or by its configuration
export UV_FIND_LINKS ?= $(or $(PIP_FIND_LINKS),$(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null))
# the tests start hundreds of processes: each would compile what it imports
unexport PYTHONDONTWRITEBYTECODE
INSTALL := $(BIN)/uv pip install --python $(BIN)/python
PACKAGE := setup.cfg setup.py pyproject.toml $(wildcard tbbridge/*/*.pyx tbbridge/*/*.pxi tbbridge/*/*.h)
SYSTEM := chromium chromium-headless-shell strace nginx
DEMO ?= --tensorboard
TESTS ?=

.PHONY: help demo test lint format wheel try-wheel docs lowest hypothesis-decode hypothesis-shape fuzz-decode bench-read clean system plotly

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: $(VENV)/.demo plotly ## see it work: replay recorded trainings, with the live page and TensorBoard (DEMO='--port 8060' changes the options)
	$(BIN)/tbbridge demo $(DEMO)

test: ## lint and run the whole test suite (TESTS=tests/decode for a part)
	+@$(MAKE) --no-print-directory -j3 $(VENV)/.test system plotly
	+@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --tb=native $(TESTS)

lint: $(VENV)/.lint ## ruff, its formatter and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.lint ## let ruff format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(VENV)/.wheel plotly ## build the sdist and, from it, the wheel (CPython 3.11 and later) into dist/
	TBBRIDGE_ABI3=1 $(BIN)/python -m build

try-wheel: wheel ## install what `make wheel` built in an empty environment of each Python and use it (PYTHONS='python3.11 python3.13')
	$(PYTHON) contrib/try_wheel.py $(or $(PYTHONS),$(PYTHON))

docs: $(VENV)/.test ## write docs/cli.md, docs/api.md and the shell completions again from the code
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_api.py
	$(BIN)/python contrib/completion/make.py

lowest: $(VENV)-lowest/.made ## run the tests that need no training framework with the oldest versions that are allowed
	$(VENV)-lowest/bin/python -m pytest $(or $(TESTS),tests --ignore tests/real --ignore tests/shape/test_series_real.py -m 'not slow')

hypothesis-decode: $(VENV)/.test ## try the decoder against protobuf and the model of damage for long (EXAMPLES=20000)
	EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m pytest tests/decode --timeout 0 -k 'protobuf or wreck or grew or jump or survive'

hypothesis-shape: $(VENV)/.test ## try merging and following against the rules word for word for long (EXAMPLES=5000)
	EXAMPLES=$(or $(EXAMPLES),5000) $(BIN)/python -m pytest tests/shape/test_series.py tests/shape/test_series_run.py --timeout 0

fuzz-decode: $(BIN)/uv ## fuzz the decoder under AddressSanitizer (MINUTES=15; needs clang and its compiler-rt)
	$(INSTALL) --quiet atheris cython numpy setuptools
	$(BIN)/python tests/fuzz/campaign.py --minutes $(or $(MINUTES),15)

bench-read: $(VENV)/.test ## measure reading beside TensorBoard's readers and a C loop (TBPARSE=python-that-has-tbparse)
	$(BIN)/python benchmarks/reading.py $(if $(TBPARSE),--tbparse $(TBPARSE))

campaign-model: $(VENV)/.test ## try the follower against a fresh export under random changes (SEQUENCES=5000)
	TBBRIDGE_SEQUENCES=$(or $(SEQUENCES),5000) $(BIN)/python -m pytest tests/test_bridge_model.py

campaign-kills: $(VENV)/.test ## kill -9 a watch at random moments while a training writes (KILLS=1000)
	$(BIN)/python tests/campaigns/kills.py --kills $(or $(KILLS),1000)

campaign-torn: $(VENV)/.test ## read a run log while it is replaced as fast as can be (READS=1000000)
	$(BIN)/python tests/campaigns/torn.py --reads $(or $(READS),1000000)

campaign-powercut: $(VENV)/.test ## cut the power of a virtual machine that publishes (CUTS=1000; needs root and QEMU)
	$(BIN)/python tests/campaigns/powercut.py --cuts $(or $(CUTS),1000)

campaign-soak: $(VENV)/.test ## a hundred writers beside a watch, PAGES=20 that come and go: memory, descriptors, no point missing (MINUTES=60)
	$(BIN)/python tests/campaigns/soak.py --minutes $(or $(MINUTES),60) --pages $(or $(PAGES),0)

bench-latency: $(VENV)/.test ## measure from the writer's flush to the replaced run log, and what idle runs cost
	$(BIN)/python benchmarks/latency.py
	$(BIN)/python benchmarks/idle.py

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) $(VENV)-lowest build dist viewer/bundle *.egg-info tbbridge/*/_native.c tbbridge/*/_native.*.so

# A stamp in the virtual environment tells that an extra is installed; it is made again when the package's metadata or its
# compiled part changes. frameworks are pinned in setup.cfg where an unpinned one would bring gigabytes of CUDA.
# uv installs the 300 packages of the tests in 100 s of processor time, a current pip in 400 s: it also compiles all.
$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --disable-pip-version-check install --quiet uv

$(VENV)/.demo: $(BIN)/uv $(PACKAGE)
	@echo 'make: installing tbbridge and TensorBoard into $(VENV) (about half a minute)'
	$(INSTALL) -e '.[tensorboard]'
	touch $@

$(VENV)/.test: $(BIN)/uv $(PACKAGE)
	@echo 'make: installing tbbridge and all that its tests need into $(VENV) (4.5 GB, some minutes)'
	$(INSTALL) -e '.[dev]'
	touch $@ $(VENV)/.lint

$(VENV)/.lint: $(BIN)/uv $(PACKAGE)
	$(INSTALL) -e '.[lint]'
	touch $@

$(VENV)/.wheel: $(BIN)/uv
	$(INSTALL) --quiet build
	touch $@

$(VENV)-lowest/.made: $(PACKAGE)
	$(LOWEST_PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet --upgrade pip
	$(PYTHON) contrib/lowest.py tensorboard test > $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet -r $(VENV)-lowest/requirements.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --no-compile --no-deps -e .
	touch $@

# The small plotly.js of pages: fetched, never committed. Without npm they use the full one of the plotly package.
plotly:
	@$(PYTHON) contrib/fetch_plotly.py

# The browser and the proxy of the page's tests and the tracer of the fault tests come from the system's packages, where we may install them.
system:
	@missing=; for tool in $(SYSTEM); do PATH="$$PATH:/usr/sbin" command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as='sudo -n'; else as=none; fi; \
	if [ "$$as" = none ] || ! command -v apt-get >/dev/null; then \
	    echo "make: the tests also need$$missing: install with your system's package manager" >&2; exit 1; \
	fi; \
	export DEBIAN_FRONTEND=noninteractive; \
	$$as apt-get -qq update || echo "make: apt-get update failed, going on with the lists there are" >&2; \
	$$as apt-get -qq install -y --no-install-recommends $$missing >/dev/null
