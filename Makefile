# What developers run. Meson builds (meson.build); this file names the usual ways to call it.
# Everything can be run again at once: what is already there is found in a fraction of a second.

BUILD   ?= build
PREFIX  ?= /usr/local
WERROR  ?= true
JOBS    ?= $(shell nproc)
PYTHON  := .venv/bin/python
# Seconds for each fuzz target, and minutes for the soak.
FUZZ_SECONDS ?= 300
SOAK_MINUTES ?= 60

export AIRDUB_BUILD ?= $(abspath $(BUILD))

.DEFAULT_GOAL := all
.PHONY: all deps deps-build deps-demo models demo fixtures test format unit asan tsan fuzz pictures soak bench install \
	e2e-docker-up images deb clean help
.PHONY: e2e e2e-test-p1 e2e-repeat e2e-media-up e2e-sts-up e2e-logs e2e-clean

all: $(BUILD)/build.ninja ## build the three programs into build/apps
	ninja -C $(BUILD) -j $(JOBS)

# $(call setup,DIR,OPTIONS): configures once; a changed meson.build is ninja's own business.
setup = @command -v meson >/dev/null || { echo "meson is missing: run 'make deps' first" >&2; exit 1; }; \
	meson setup $(1) --prefix=$(PREFIX) -Dwerror=$(WERROR) $(2)

$(BUILD)/build.ninja:
	$(call setup,$(BUILD),)

build-asan/build.ninja:
	$(call setup,build-asan,-Db_sanitize=address$(comma)undefined -Db_lundef=false)

build-tsan/build.ninja:
	$(call setup,build-tsan,-Db_sanitize=thread -Db_lundef=false)

build-fuzz/build.ninja:
	@command -v clang >/dev/null || { echo "clang is missing: run 'make deps' first" >&2; exit 1; }
	CC=clang meson setup build-fuzz -Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false \
		-Dc_args=-fsanitize=fuzzer-no-link

comma := ,

# The models of `make deps` are used, unless MODEL_DIR says where others are, or MODELS=none that there shall be none.
with_models = if [ "$${MODELS:-}" != none ] && [ -z "$${MODEL_DIR:-}" ] && [ -d .models ]; then \
	export MODEL_DIR="$(CURDIR)/.models"; fi;

deps: ## install what is missing: Debian packages, .venv, Node's packages, the tests' ear, engine libraries, speech models
	@tools/deps/install runtime build demo test python-test node ear engines-test models-test

deps-build: ## install only what `make` needs
	@tools/deps/install runtime build engines

deps-demo: ## install only what `make demo` needs; MODELS=none: without speech models
	@tools/deps/install runtime build demo python engines models

models: ## install the speech models that `make demo` uses into .models
	@tools/deps/install demo python models

fixtures: ## make the media that the tests and the demo use
	@$(PYTHON) tools/fixtures/make.py

demo: deps-demo ## dub a one-minute clip live, through the whole path, and report on it
	@$(MAKE) --no-print-directory all fixtures
	@$(with_models) $(PYTHON) tools/demo/demo.py

STAGES ?= all

test: deps ## run every test but the container tests, and end with one total; STAGES: those of tools/test/run.py
	@$(with_models) $(PYTHON) tools/test/run.py $(STAGES)

format: ## lay out all C as .clang-format says
	@clang-format -i $(shell git ls-files -co --exclude-standard '*.c' '*.h')

unit: all ## run the unit tests only
	@$(with_models) meson test -C $(BUILD) --print-errorlogs

asan: deps-build build-asan/build.ninja ## run the unit tests under ASan and UBSan
	@ninja -C build-asan -j $(JOBS)
	@$(with_models) python3 tools/test/run.py asan

tsan: deps-build build-tsan/build.ninja ## run the unit tests under TSan
	@ninja -C build-tsan -j $(JOBS)
	@$(with_models) python3 tools/test/run.py tsan

fuzz: deps build-fuzz/build.ninja ## run each fuzz target for FUZZ_SECONDS
	@ninja -C build-fuzz -j $(JOBS) fuzz
	@$(PYTHON) tools/test/fuzz.py --seconds $(FUZZ_SECONDS)

pictures: deps ## make the pictures of docs/getting-started.md anew
	@$(MAKE) --no-print-directory all fixtures
	@$(with_models) $(PYTHON) -m pytest -q tests/integration/test_getting_started.py --write-pictures

soak: deps-demo ## stream for SOAK_MINUTES and watch memory and sync
	@$(MAKE) --no-print-directory all fixtures
	@$(with_models) $(PYTHON) -m pytest tests/soak -s --soak-minutes $(SOAK_MINUTES)

bench: deps ## measure speed: a file, the sts-service against its peers, connections
	@$(MAKE) --no-print-directory all fixtures
	@$(with_models) $(PYTHON) tests/bench/run.py

# --- containers: tests/e2e/README.md ---

# Options for pytest, such as E2E_OPTIONS="-k contract"; how often e2e-repeat runs; compose v2, or Debian's v1.
E2E_OPTIONS ?=
N           ?= 10
COMPOSE     ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
E2E_PYTEST   = tests/e2e -o log_cli=true -o log_cli_level=INFO --durations=15 $(E2E_OPTIONS)
E2E_LABEL    = label=airdub.e2e.run
STS_COMPOSE   = $(COMPOSE) -p e2e-sts -f apps/sts-service/docker-compose.e2e.yml
MEDIA_COMPOSE = $(COMPOSE) -p e2e-media -f apps/media-service/docker-compose.e2e.yml
# Both projects are on one network, which neither makes.
E2E_NETWORK_NAME ?= e2e-dubbing-network
e2e_network = docker network inspect $(E2E_NETWORK_NAME) >/dev/null 2>&1 || \
	docker network create --label airdub.e2e.run=manual $(E2E_NETWORK_NAME) >/dev/null
media_services = $(if $(filter builtin,$(E2E_MEDIA_SERVER)),media-service-builtin,mediamtx media-service)

e2e: deps ## run the container tests
	@$(PYTHON) -m pytest $(E2E_PYTEST) -m containers

e2e-test-p1: deps ## run those of the container tests that count most
	@$(PYTHON) -m pytest $(E2E_PYTEST) -m "containers and p1"

e2e-repeat: deps ## run them N (10) times and print the pass rate
	@$(PYTHON) tests/e2e/helpers/repeat.py $(N) $(E2E_PYTEST) -m "containers and p1"

e2e-sts-up: e2e-docker-up images ## start sts-service's compose project, and leave it running
	@$(e2e_network)
	@AIRDUB_MODELS=$${E2E_MODELS:-$(CURDIR)/.models} $(STS_COMPOSE) up -d

e2e-media-up: e2e-docker-up images ## start media-service's, with its media server; E2E_MEDIA_SERVER=builtin: without MediaMTX
	@$(e2e_network)
	@$(MEDIA_COMPOSE) $(if $(filter builtin,$(E2E_MEDIA_SERVER)),--profile builtin) up -d $(media_services)

e2e-logs: ## show what tests and e2e-*-up have running, and its logs
	@docker ps --all --filter $(E2E_LABEL) --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
	@for c in $$(docker ps --all --filter $(E2E_LABEL) --format '{{.Names}}'); do echo "==== $$c"; docker logs --tail 200 $$c 2>&1; done

e2e-clean: ## remove all containers, networks and volumes that tests and e2e-*-up have made
	@docker ps --all --quiet --filter $(E2E_LABEL) | xargs -r docker rm --force --volumes
	@docker network ls --quiet --filter $(E2E_LABEL) | xargs -r docker network rm
	@docker volume ls --quiet --filter $(E2E_LABEL) | xargs -r docker volume rm --force

install: all ## install programs and man pages; knows DESTDIR and PREFIX
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD)

e2e-docker-up: ## get a Docker engine and the images' base ready; as root on Debian it installs and starts one
	@tools/e2e/docker-up

images: e2e-docker-up ## build the images airdub/media-service, airdub/sts-service and airdub/airdub; knows AIRDUB_TAG and MODELS
	@tools/e2e/images

deb: deps-build ## build Debian packages into build/deb, and have lintian look at them
	@tools/deps/install deb
	@deploy/build-deb $(BUILD)/deb

clean: ## remove what was built; .venv, node_modules and fixtures stay
	rm -rf $(BUILD) build-asan build-tsan build-fuzz demo-output

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
