# make quickstart | test | lab | gallery | site | bench | lint; the virtual environment is made once, by the first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
WORKERS ?= 2
# Where this is set, every process of a test would compile 3,600 files again: ten seconds each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test lab gallery site bench lint clean

quickstart: $(READY)
	@$(BIN)/img2imu quickstart

# One thread a worker: torch's own threads would fight over the cores. Notebooks take longest, so they
# come first. The browser tests share one
# JupyterLab, so they run in one process; they are skipped where there is no Chromium.
test: $(READY) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal \
		--ignore tests/browser --nbmake --nbmake-timeout=600 notebooks tests img2imu_kit README.md
	$(BIN)/python -m pytest tests/browser

lab: $(READY)
	$(BIN)/jupyter lab notebooks

gallery: $(READY)
	$(BIN)/python notebooks/gallery.py

# Strict: a link that leads nowhere is an error. Notebooks show what `make gallery` drew.
site: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "open site/index.html"

# make bench ARGS="a c --check": some rows alone, beside the ratios that were stored.
bench: $(READY)
	$(BIN)/python benchmarks/bench.py $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("img2imu_kit needs Python 3.11 or newer; say: make PYTHON=python3.11") if sys.version_info < (3, 11) else 0'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 2 minutes and 6 GB the first time (PyTorch is most of it)"
	@# not compiled: of 17,000 files a third is ever imported, and is compiled then
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) results gallery site .pytest_cache .ruff_cache build *.egg-info
