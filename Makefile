# Everything from a clone to a running program: `make` lists it.
#
# What is set up is remembered: a second run asks dpkg what is installed, and no network.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# The distribution's, because python3-bpfcc is for it; the same for both keeps one Python to support.
PYTHON := /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
# What setup did, and in which folder: an environment doesn't survive being moved.
STAMP := $(VENV)/setup-$(subst /,-,$(CURDIR))
# The extra insight has an environment of its own: it wants an older Kafka client.
INSIGHT := .venv-insight
INSIGHT_STAMP := $(INSIGHT)/setup-$(subst /,-,$(CURDIR))
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTEST_ARGS ?=
# Of the tests, side by side; they wait more than they work.
TEST_PROCESSES ?= 3
FUZZ_SECONDS ?= 600
FUZZ_KEEP ?=
# Which faults; all but the long ones unless named, as in `make faults SCENARIO="disk-full"`.
SCENARIO ?=

# bcc and the C headers that it compiles with.
DEBIAN := python3-venv python3-bpfcc linux-libc-dev
# The other architecture's headers, a real server, real clients, another reader of captures, networks;
# maven fetches a real Kafka and brings the Java that it runs on; podman and containerd each run one
# real container.
DEBIAN_TEST := linux-libc-dev-arm64-cross nginx wrk tshark curl iproute2 nftables openssl procps kcat maven gcc libc6-dev tmux prometheus prometheus-alertmanager podman containerd runc busybox-static valgrind
# A virtual machine for each kernel, and what its disk is made with.
DEBIAN_KERNELS := qemu-system-x86 qemu-system-arm mmdebstrap cpio e2fsprogs kmod
# Building and running the image without a Docker engine.
DEBIAN_IMAGE := buildah podman runc debootstrap iproute2
# Which of them; all unless named, as in `make kernels KERNEL="5.10 6.1"`.
KERNEL ?=
# In the container image of this name, as in `make kernels KERNEL=arm64 IMAGE=localhost/shipper:…`.
IMAGE ?=
# On another base image, as in `make image-test BASE=debian:trixie-slim`.
BASE ?=
# For another processor, which is emulated, as in `make image PROCESSOR=arm64`.
PROCESSOR ?=

# To make machine code of what every exchange passes through.
DEBIAN_COMPILE := gcc libc6-dev libpython3-dev
# That program as it is deployed, for what measures it; made again when a source has changed.
COMPILED_AT := build/compiled
DEPLOYED = PYTHONPATH=$(CURDIR)/$(COMPILED_AT):$(CURDIR)/tests PYTHONSAFEPATH=1
# For `make wheel`: 1 for machine code.
COMPILED ?=

# Others that look at HTTP on an interface, for the benchmarks.
DEBIAN_PEERS := httpry tcpflow
# A short form of the benchmarks: `make bench SECONDS=1 RATES=2000 BODIES=200 ROUNDS=1`.
SECONDS ?=
RATES ?=
BODIES ?=
ROUNDS ?=

# Installs those of $(1) that are missing. Services of a package that is only here for the tests
# are not started: policy-rc.d is how Debian lets one say so.
define debian
	missing=(); \
	for package in $(1); do \
	    status=$$(dpkg-query -W -f '$${db:Status-Status}' "$$package" 2>/dev/null || true); \
	    [ "$$status" = installed ] || missing+=("$$package"); \
	done; \
	if [ $${#missing[@]} -gt 0 ]; then \
	    echo "Installing Debian packages: $${missing[*]}"; \
	    if ! command -v apt-get >/dev/null; then \
	        echo "make: there is no apt-get here: install what your distribution calls $${missing[*]}, then run shipper itself" >&2; exit 1; \
	    fi; \
	    if [ "$$(id -u)" != 0 ]; then \
	        echo "make: only root may install packages: apt-get install $${missing[*]}" >&2; exit 1; \
	    fi; \
	    policy=/usr/sbin/policy-rc.d; \
	    if [ ! -e $$policy ]; then \
	        trap "rm -f $$policy" EXIT; \
	        printf '#!/bin/sh\nexit 101\n' > $$policy; chmod 755 $$policy; \
	    fi; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get -qq update; \
	    apt-get -qq install --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$${missing[@]}" >/dev/null; \
	fi
endef

.PHONY: help
help: ## This table
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: setup ## Set up, capture real traffic here, and show it as it comes out of Kafka (root)
	@$(BIN)/shipper demo

.PHONY: test
test: setup-dev setup-insight ## Set up and run the tests (root: they load the kernel program)
	@$(call debian,$(DEBIAN_TEST) $(DEBIAN_COMPILE))
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadscope $(PYTEST_ARGS)

.PHONY: lint
lint: setup-dev ## ruff, mypy --strict and import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: bench
bench: setup-dev compiled ## What an exchange costs, beside httpry, tcpflow and tshark, in 10 minutes (root)
	@$(call debian,$(DEBIAN_TEST) $(DEBIAN_PEERS))
	@$(DEPLOYED) $(BIN)/python -m bench.side_by_side $(if $(SECONDS),--seconds $(SECONDS)) \
	    $(if $(RATES),--rates "$(RATES)") $(if $(BODIES),--bodies "$(BODIES)" --sizes "") \
	    $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-service
bench-service: setup-dev compiled ## What nginx notices of the agent: throughput, latency, each hook (root)
	@$(call debian,$(DEBIAN_TEST))
	@$(DEPLOYED) $(BIN)/python -m bench.service_cost $(if $(SECONDS),--seconds $(SECONDS)) \
	    $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-replay
bench-replay: setup-dev compiled ## Exchanges a CPU second from capture file to lines, beside others (root)
	@$(call debian,$(DEBIAN_TEST) $(DEBIAN_PEERS))
	@$(DEPLOYED) $(BIN)/python -m bench.replay_rate $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: bench-workers
bench-workers: setup-dev compiled ## What a second worker adds, how flows spread, order in a connection (root)
	@$(call debian,$(DEBIAN_TEST))
	@$(DEPLOYED) $(BIN)/python -m bench.workers_scaling $(if $(ROUNDS),--rounds $(ROUNDS))

.PHONY: chart-bench
chart-bench: setup-dev ## Chart and tables of docs/benchmarks.md anew, from the stored results
	@$(call debian,gnuplot-nox)
	@PYTHONPATH=tests $(BIN)/python -m bench.published

.PHONY: bench-kernel
bench-kernel: setup-dev ## ns per packet in the kernel program, and whether its aims are met (root)
	@PYTHONPATH=tests $(BIN)/python -m bench.kernel_cost

.PHONY: bench-attribution
bench-attribution: setup-dev compiled ## What it costs to know whose a connection is, and how many are (root)
	@$(DEPLOYED) $(BIN)/python -m bench.attribution_cost

.PHONY: faults
faults: setup-dev ## What becomes of every request when something fails: real brokers, disks, clocks (root)
	@$(call debian,$(DEBIAN_TEST))
	@PYTHONPATH=tests $(BIN)/python -m faults $(SCENARIO)

.PHONY: faults-all
faults-all: setup-dev ## The same with the scenarios of many minutes, two hundred kills among them (root)
	@$(call debian,$(DEBIAN_TEST))
	@PYTHONPATH=tests $(BIN)/python -m faults --long

.PHONY: bench-encodings
bench-encodings: setup-dev ## What each encoding costs a record, beside the default one
	@PYTHONPATH=tests $(BIN)/python -m bench.encodings_cost

.PHONY: soak
soak: setup-dev compiled ## Ten minutes at 2,000 exchanges a second to a real Kafka: memory, accounts (root)
	@$(call debian,$(DEBIAN_TEST))
	@$(DEPLOYED) $(BIN)/python -m soak

.PHONY: e2e
e2e: setup-dev ## nginx to OpenSearch through real Kafka, registry and Connect: each exchange once (root)
	@$(call debian,$(DEBIAN_TEST))
	@PYTHONPATH=tests $(BIN)/python -m e2e

.PHONY: e2e-detect
e2e-detect: setup-dev setup-insight ## Attacks and an outage in live traffic, found on the stream and in OpenSearch (root)
	@$(call debian,$(DEBIAN_TEST))
	@PYTHONPATH=tests $(BIN)/python -m detections.live

.PHONY: bench-delivery
bench-delivery: setup-dev compiled ## What spool and accounts cost a record, beside the producer alone
	@$(DEPLOYED) $(BIN)/python -m bench.delivery_cost

.PHONY: bench-stages
bench-stages: setup-dev compiled ## Instructions of an exchange, stage by stage; ARGS=--store stores them
	@$(call debian,valgrind gcc libc6-dev)
	@PYTHONPATH=tests $(BIN)/python -m bench.stages_cost --compiled $(COMPILED_AT) $(ARGS)

.PHONY: dashboards
dashboards: setup-dev ## Make the dashboards of OpenSearch, Kibana and Grafana from their description again
	@PYTHONPATH=tests $(BIN)/python -m dashboards.generate

.PHONY: detections
detections: setup-dev ## Convert the Sigma rules for OpenSearch, Elastic and Splunk again
	@PYTHONPATH=tests $(BIN)/python -m detections.generate

.PHONY: appinspect
appinspect: setup-dev ## What Splunk's own AppInspect says of the apps for Splunk
	@PYTHONPATH=tests $(BIN)/python -m consumers.appinspect

.PHONY: fuzz
fuzz: setup-dev ## Fuzz parsers and assembly for FUZZ_SECONDS; FUZZ_KEEP=1 adds to the corpus
	@PYTHONPATH=tests $(BIN)/python -m fuzz.campaign --seconds $(FUZZ_SECONDS) $(if $(FUZZ_KEEP),--keep)

.PHONY: apipark
apipark: setup-dev ## A real Loki (built from its Go module, once) asked as APIPark's pages ask it (root)
	@PYTHONPATH=tests $(BIN)/python -m apipark

.PHONY: screenshot
screenshot: setup-dev ## docs/top.svg anew: `shipper top` in a terminal, with invented traffic
	@$(call debian,tmux)
	@PYTHONPATH=tests $(BIN)/python -m top.screenshot

.PHONY: kernels
kernels: setup ## Boot kernels from 5.10 to the newest, and arm64; replay and capture in each (root)
	@$(call debian,$(DEBIAN_KERNELS))
	@PYTHONPATH=tests nice $(BIN)/python -m generations $(KERNEL:%=--kernel %) $(if $(IMAGE),--image $(IMAGE))

.PHONY: setup
setup: debian $(STAMP) ## Debian packages and .venv; the program is then .venv/bin/shipper

.PHONY: setup-dev
setup-dev: debian $(STAMP)-dev

.PHONY: setup-insight
setup-insight: debian $(INSIGHT_STAMP) ## What `shipper watch` needs: .venv-insight/bin/shipper

.PHONY: wheel
wheel: setup-dev ## dist/*.whl for any Python; COMPILED=1 for this one, and faster
	@$(if $(COMPILED),$(call debian,$(DEBIAN_COMPILE)))
	@PYTHONPATH=tests $(BIN)/python -m deploy.wheel $(if $(COMPILED),--compiled) dist

.PHONY: compiled
compiled: setup-dev $(COMPILED_AT)/shipper/__init__.py

$(COMPILED_AT)/shipper/__init__.py: pyproject.toml requirements-compile.lock $(shell find shipper bpf schemas -type f -not -name '*.pyc')
	@echo "Compiling what every exchange passes through"
	@$(call debian,$(DEBIAN_COMPILE))
	@PYTHONPATH=tests $(BIN)/python -m deploy.wheel --compiled --installed $(COMPILED_AT)
	@touch $@

.PHONY: image
image: setup ## Build the container image without Docker, and show what is in it (root)
	@$(call debian,$(DEBIAN_IMAGE) $(if $(PROCESSOR),qemu-user-static binfmt-support))
	@PYTHONPATH=tests nice $(BIN)/python -m image build $(if $(PROCESSOR),--processor $(PROCESSOR))

.PHONY: image-test
image-test: setup-dev ## Start the image with each set of rights, and ship to a real Kafka (root)
	@$(call debian,$(DEBIAN_IMAGE) maven)
	@PYTHONPATH=tests $(BIN)/python -m image test $(if $(BASE),--base $(BASE))

.PHONY: deb
deb: setup-dev ## The Debian package for this machine's Python, as dist/*.deb
	@$(call debian,$(DEBIAN_COMPILE))
	@PYTHONPATH=tests nice $(BIN)/python -m deploy.package

.PHONY: deb-test
deb-test: setup-dev ## Install, run under a real systemd, purge: what works, what is left (root)
	@$(call debian,$(DEBIAN_IMAGE) $(DEBIAN_COMPILE))
	@PYTHONPATH=tests nice $(BIN)/python -m deploy.service

.PHONY: reproduce
reproduce: setup-dev ## Build package and image twice each, and compare (root; WHAT=deb or image)
	@$(call debian,$(DEBIAN_IMAGE) $(DEBIAN_COMPILE))
	@PYTHONPATH=tests nice $(BIN)/python -m deploy.reproduce $(WHAT)

.PHONY: chart
chart: setup-dev ## Plain Kubernetes manifests from the Helm chart (builds Helm once: minutes)
	@PYTHONPATH=tests $(BIN)/python -m deploy.chart

.PHONY: sbom
sbom: setup-dev ## What a release is made of, with hashes, as dist/shipper.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
	    --output-reproducible --output-format JSON --output-file dist/shipper.cdx.json

.PHONY: lock
lock: debian ## Bring the lock files up to date (asks the package index)
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@unset PIP_FIND_LINKS; build/lock/bin/python -m pip install --quiet pip-tools
	@$(call compile,requirements.lock,pyproject.toml)
	@$(call compile,requirements-top.lock,--extra top -c requirements.lock pyproject.toml)
	@$(call compile,requirements-build.lock,--build-deps-for editable --only-build-deps pyproject.toml)
	@$(call group,compile)
	@$(call compile,requirements-compile.lock,-c requirements-build.lock build/lock/compile.in)
	@$(call group,dev)
	@$(call compile,requirements-dev.lock,-c requirements-top.lock -c requirements-build.lock -c requirements-compile.lock pyproject.toml build/lock/dev.in)
	@$(call group,insight)
	@$(call compile,requirements-insight.lock,--extra insight -c requirements-build.lock pyproject.toml build/lock/insight.in)

# A dependency group of pyproject.toml as a list that pip-compile reads.
define group
	build/lock/bin/python -c \
	    'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["$(1)"], sep="\n")' \
	    > build/lock/$(1).in
endef

# $(1) from $(2). Hashes of every file of a release are taken, so that one lock serves all
# architectures and Pythons; where the files were found stays out of it.
define compile
	unset PIP_FIND_LINKS; CUSTOM_COMPILE_COMMAND='make lock' build/lock/bin/pip-compile --quiet --upgrade \
	    --generate-hashes --allow-unsafe --strip-extras --annotation-style line \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --output-file $(1) $(2)
endef

.PHONY: clean
clean: ## Remove what these targets made, .venv included
	@rm -rf $(VENV) $(INSIGHT) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find shipper tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: debian
debian:
	@$(call debian,$(DEBIAN))

# The whole program, what only people at a terminal need included; the agent's own is requirements.lock.
$(STAMP): requirements-top.lock requirements-build.lock pyproject.toml | debian
	@echo "Setting up $(VENV)"
	@[ -x $(BIN)/python ] && $(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --quiet --require-hashes -r requirements-top.lock -r requirements-build.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(STAMP)-dev: requirements-dev.lock $(STAMP)
	@echo "Adding the tools for lint and tests to $(VENV)"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(INSIGHT_STAMP): requirements-insight.lock requirements-build.lock pyproject.toml | debian
	@echo "Setting up $(INSIGHT)"
	@[ -x $(INSIGHT)/bin/python ] && $(INSIGHT)/bin/python -m pip --version >/dev/null 2>&1 \
	    || $(PYTHON) -m venv --clear $(INSIGHT)
	@$(INSIGHT)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes \
	    -r requirements-insight.lock -r requirements-build.lock
	@$(INSIGHT)/bin/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps \
	    --no-build-isolation --editable .
	@touch $@
