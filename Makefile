# Everything runs in .venv, which the first target that needs it sets up from requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check bench lock docs models models-smoke clean

demo: $(READY)  ## start the node and a local PACS, send a phantom study, show the results
	$(BIN)/mammo-node demo --out demo-out

# The order of the files puts the long ones, of acceptance, first: none is left over at the end.
test: $(READY)  ## all tests; those whose peer (DCMTK, Orthanc, ...) is missing skip visibly
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

check: $(READY)  ## what CI checks beside the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/docs

bench: $(READY)  ## speed against peers in the same run
	$(BIN)/python bench/receive.py
	$(BIN)/python bench/soak.py
	$(BIN)/python -m bench.analyse

docs: $(READY)  ## write the generated pages and templates anew
	$(BIN)/python -m mammo_node.reference

models: $(READY)  ## every model from nothing; needs the extra `training`
	$(BIN)/python -m training.models --out build

models-smoke: $(READY)  ## tiny versions of every model: every step works, every loss falls
	rm -rf build/smoke
	OMP_NUM_THREADS=1 $(BIN)/python -m training.models --out build/smoke --smoke

lock: $(READY)  ## resolve requirements.lock anew
	$(BIN)/uv pip compile pyproject.toml --extra cpu --extra dev --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --upgrade -q -o requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf $(VENV) build dist demo-out *.egg-info .pytest_cache .mypy_cache .ruff_cache
