# Everything runs in .venv, which is made once from constraints.txt. Set PYTHON to choose the Python (3.11 or newer).
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
RUN := .venv/bin/python
STAMP := .venv/.installed

.PHONY: tutorial tutorials notebooks docs test fuzz bench lint size package wheel release lowest pinned highest extras browser clean

tutorial: $(STAMP)  ## train the hybrid network on Fashion-MNIST, print the table, write the figure
	$(RUN) tutorials/fashion_mnist_hqnn.py

tutorials: $(STAMP)  ## every tutorial, one after the other
	@set -e; for script in tutorials/*.py; do echo "== $$script"; $(RUN) $$script; done

notebooks: $(STAMP)  ## every tutorial as a notebook, in out/notebooks
	$(RUN) -m jupytext --quiet --set-kernel python3 --from tutorials//py:percent --to out/notebooks//ipynb tutorials/*.py

docs: $(STAMP)  ## the site in out/site; tutorials run once, and again where they or the package changed
	$(RUN) -m pip install --quiet --editable '.[docs]' --constraint constraints.txt
	$(RUN) -m docs.generate_site

test: $(STAMP)  ## the test suite, on all cores
	$(RUN) -m pytest --numprocesses=auto --maxprocesses=8 --dist=worksteal

fuzz: $(STAMP)  ## random kernels: every program meets every property; N=... programs, or M=... minutes
	$(RUN) -m pytest tests/fuzz -s $(if $(N),--programs=$(N)) $(if $(M),--minutes=$(M))

bench: $(STAMP)  ## speed beside the peers (those installed: pip install -e '.[bench]'), written to docs/benchmarks.md
	mkdir -p out
	$(RUN) -m pytest tests/benchmarks -q -W default --benchmark-json=out/benchmarks.json --benchmark-columns=median
	$(RUN) -m tests.benchmarks.report out/benchmarks.json

browser: $(STAMP)  ## the HTML drawing, and the site, in a headless browser
	$(RUN) -m pip install --quiet --editable '.[docs]' --constraint constraints.txt
	$(RUN) -m pytest tests/browser

lint: $(STAMP)  ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

package: $(STAMP)  ## sdist and wheel in out/package; the wheel computes in an empty environment
	rm -rf out/package
	$(RUN) -m build --outdir out/package . >/dev/null
	$(RUN) -m tests.package

wheel: $(STAMP)  ## a wheel in dist, with machine code for three levels of x86-64 processors
	$(RUN) -m qkernel_backends.native --wheel
	$(RUN) -m pip wheel --quiet --no-deps --wheel-dir dist .

release: $(STAMP)  ## wheel and sdist in dist, tried in empty environments, with checksums and a bill of materials; KEY=... signs, TIMES=1 times
	$(RUN) -m pip install --quiet --editable '.[release]' --constraint constraints.txt
	rm -rf dist build
	$(MAKE) wheel
	$(RUN) -m build --sdist --outdir dist .
	$(RUN) -m tests.release $(if $(TIMES),--times)
	$(if $(KEY),gpg --yes --local-user $(KEY) --detach-sign --armor dist/SHA256SUMS)

lowest pinned highest: $(STAMP)  ## tests with the lowest versions that pyproject.toml allows, those of constraints.txt, the newest; PYTHON=...
	$(RUN) -m tests.versions $@ $(PYTHON)

extras: $(STAMP)  ## each extra alone, in an empty environment
	$(RUN) -m tests.extras

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; set PYTHON=/path/to/python"; exit 1; }
	test -x $(RUN) || $(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --editable '.[test]' --constraint constraints.txt
	$(RUN) -m qkernel_backends.native
	@touch $(STAMP)

size:  ## how large the parts are, and how they hang together
	@$(or $(PYTHON),python3) -m tests.size

clean:  ## remove what was built
	rm -rf .venv build dist qkernel_backends/native/built out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
