# `make help` says what there is. Everything is done by small scripts; see .ci/setup.sh for what they install.
PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
MAJORS ?= 15 16 18
export PG_CONFIG MAJORS

.PHONY: help demo week check test test-style test-engine audit fuzz fuzz-import fuzz-sql all install installcheck package package-test bench quality clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "make test-15        tests in one PostgreSQL major: 15, 16 or 18"

demo: ## set up what is missing, train on Adult in a throw-away cluster, compare
	@tests/demo/run.sh

check: ## a debug build, and the regression files FILES (none: all) in PostgreSQL MAJOR (15): make check FILES="plan quality"
	@.ci/test.sh check $(or $(MAJOR),15) $(FILES)

test: ## every test: format, lints, engine, PostgreSQL of MAJORS (15 16 18)
	@.ci/test.sh

test-style: ## format and lints
	@.ci/test.sh style

test-engine: ## the engine's tests, without PostgreSQL
	@.ci/test.sh engine

test-%:
	@.ci/test.sh $*

audit: ## attacks on the engine, and on mutants of it that they have to catch: ten minutes
	@tests/audit/run.sh

fuzz: fuzz-import fuzz-sql ## ten minutes each of hostile models, and of random calls of every function

fuzz-import: ## ten minutes of hostile models for tablediffusion_import: needs Rust's nightly toolchain
	@fuzz/run.sh

fuzz-sql: ## ten minutes of random calls of every function of what is installed in the PostgreSQL of PG_CONFIG
	@fuzz/sql.sh $(PG_CONFIG)

all: ## build in release: what PGXN's client does before it installs
	@bash -c 'source .ci/setup.sh && need_postgresql && build_extension "$$PG_CONFIG"'

week: ## a DBA's week with what is installed in the PostgreSQL of PG_CONFIG, each step checked
	@tests/demo/week.sh $(PG_CONFIG)

install: ## build in release and install into the PostgreSQL of PG_CONFIG
	@bash -c 'source .ci/setup.sh && need_postgresql && build_extension "$$PG_CONFIG" && install_extension "$$PG_CONFIG"'

installcheck: ## regression files against what is installed in the PostgreSQL of PG_CONFIG
	@tests/regress/run.sh $(PG_CONFIG)

package: ## Debian packages in target/deb: for the PostgreSQL of PG_CONFIG, or for each of MAJORS if that is set
	@packaging/deb.sh $(if $(filter file,$(origin MAJORS)),,$(MAJORS))

package-test: package ## installs the package for PostgreSQL 15 into a copy of it, and uses it there
	@packaging/test.sh

bench: ## speed: the engine's benchmarks, then whole calls inside PostgreSQL
	@cargo bench --no-default-features --bench dp_step
	@benches/pg.sh

quality: ## quality of synthetic Adult at epsilon 1, three seeds
	@benches/quality/sql.sh

clean: ## remove what was built (not .cache, which holds tools)
	@cargo clean
