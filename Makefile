# make demo   the main job on the embedded data, from nothing to pictures
# make test   the tests
# Both set up .venv first, and again whenever pyproject.toml or constraints.txt change. Byte code is left to the first
# import (--no-compile): most files of these packages are never read, and compiling them takes longer than their download.

PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO ?= demo
TEST_JOBS ?= 2
POINTSRA := $(BIN)/pointsra

.PHONY: demo test lint wheel-check weights clean

$(STAMP): pyproject.toml constraints.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pointsra needs Python 3.11 or newer: make PY=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PY) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev,open3d]'
	@touch $@

demo: $(STAMP)
	rm -rf $(DEMO)
	$(POINTSRA) prepare-data shapes --out $(DEMO)/data
	$(POINTSRA) pretrain --preset quickstart --data $(DEMO)/data --out $(DEMO)/pretrain
	$(POINTSRA) finetune --preset shapes-classification --init $(DEMO)/pretrain --data $(DEMO)/data --out $(DEMO)/finetune
	$(POINTSRA) evaluate $(DEMO)/finetune --data $(DEMO)/data --out $(DEMO)/evaluate
	$(POINTSRA) reconstruct docs/chair.ply --samples 8 --out $(DEMO)/reconstruct
	$(POINTSRA) visualize shapes --data $(DEMO)/data --out $(DEMO)/shapes.png
	$(POINTSRA) visualize docs/chair.ply --what patches --out $(DEMO)/patches.png
	$(POINTSRA) visualize docs/chair.ply --what masks --out $(DEMO)/masks.png
	$(POINTSRA) visualize $(DEMO)/pretrain --what curves --out $(DEMO)/curves.html
	@echo
	@echo "Done. Where to look:"
	@echo "  $(DEMO)/reconstruct/samples.html   eight completions of a quarter of a chair, to turn in a browser"
	@echo "  $(DEMO)/reconstruct/samples.png    the same as one picture"
	@echo "  $(DEMO)/evaluate/report.md         accuracy of the fine-tuned classifier, class by class"
	@echo "  $(DEMO)/curves.html                what pre-training learned, term by term"
	@echo "  $(DEMO)/shapes.png  $(DEMO)/patches.png  $(DEMO)/masks.png"

# One thread for each of the processes: two of each on two cores wait for one another.
test: $(STAMP)
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -q -n $(TEST_JOBS) --dist loadfile

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyrefly check

# The wheel, in an environment of its own and from another folder: what a user of pip gets.
wheel-check: $(STAMP)
	rm -rf build/wheel build/fresh
	$(BIN)/python -m build --wheel --outdir build/wheel . > build-wheel.log 2>&1 || { cat build-wheel.log; exit 1; }
	rm -f build-wheel.log
	$(PY) -m venv build/fresh
	build/fresh/bin/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt build/wheel/*.whl
	cd / && $(CURDIR)/build/fresh/bin/pointsra --help > /dev/null
	cd / && $(CURDIR)/build/fresh/bin/pointsra presets check $(CURDIR)/presets/paper.toml
	cd / && $(CURDIR)/build/fresh/bin/pointsra prepare-data shapes --dry-run --out $(CURDIR)/build/nothing
	cd / && $(CURDIR)/build/fresh/bin/pointsra reconstruct $(CURDIR)/docs/chair.ply --dry-run

# Train the decoder of the weights in the package on, and mix the outcome with them: see docs/weights.md.
weights: $(STAMP)
	$(POINTSRA) prepare-data shapes --variant furniture --count 30000 --out weights-data
	$(POINTSRA) pretrain --preset small --init models/pointsra/weights/small.safetensors \
		--set losses.reconstruction=0 --set losses.mean_flow=0 --set losses.cross_modal=0 --set losses.mae_sra=0 --set losses.mft_sra=0 \
		--set losses.energy=0 --set losses.points=0.6 --set losses.points_energy=1 --set decoder.center_jitter=0.03 \
		--set masks.alternative_share=0.3 --set masks.scan_share=0.3 --set masks.part_share=0.3 --set masks.scan_density=2.5 \
		--set flow.text_dropout=0.7 --set flow.image_dropout=0.85 --set flow.all_dropout=0 \
		--set flow.points_temperature=0.65 --set flow.context_gradient=false --set flow.samples=2 \
		--set optimizer.epochs=1 --set optimizer.warmup_epochs=0.05 --set optimizer.lr=0.001 --seed 50 \
		--data weights-data --out weights-run
	$(BIN)/python -c "from pathlib import Path; from pointsra.training.mixing import mix_weights; \
		mix_weights(Path('models/pointsra/weights/small.safetensors'), Path('weights-run'), 0.5, Path('weights-run'), 'mixed')"
	cp weights-run/mixed.safetensors models/pointsra/weights/small.safetensors
	cp weights-run/mixed.json models/pointsra/weights/small.json

clean:
	rm -rf $(VENV) build dist $(DEMO)
