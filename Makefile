# `make help` lists the commands. Small scripts do the work. .ci/setup.sh installs what they need.
PG_CONFIG ?= /usr/lib/postgresql/15/bin/pg_config
MAJORS ?= 15 16 18
export PG_CONFIG MAJORS

.PHONY: help demo week check test test-style test-engine audit fuzz fuzz-import fuzz-sql all install installcheck package package-test bench quality clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "make test-15        run the tests on one PostgreSQL major: 15, 16 or 18"

demo: ## install what is missing, train on Adult in a temporary cluster, show the result
	@tests/demo/run.sh

check: ## debug build, then regression files FILES (default: all) on PostgreSQL MAJOR (default: 15): make check FILES="plan quality"
	@.ci/test.sh check $(or $(MAJOR),15) $(FILES)

test: ## run every test: format, lints, engine, PostgreSQL of MAJORS (default: 15 16 18)
	@.ci/test.sh

test-style: ## check format and lints
	@.ci/test.sh style

test-engine: ## run the engine's tests, without PostgreSQL
	@.ci/test.sh engine

test-%:
	@.ci/test.sh $*

audit: ## run attacks on the engine and on its deliberate flaws, which they must detect: ten minutes
	@tests/audit/run.sh

fuzz: fuzz-import fuzz-sql ## ten minutes each of fuzz-import and fuzz-sql

fuzz-import: ## ten minutes of malformed models for tablediffusion_import; needs Rust's nightly toolchain
	@fuzz/run.sh

fuzz-sql: ## ten minutes of random calls of every installed function, on the PostgreSQL of PG_CONFIG
	@fuzz/sql.sh $(PG_CONFIG)

all: ## build in release mode, as PGXN's client does before it installs
	@bash -c 'source .ci/setup.sh && need_postgresql && build_extension "$$PG_CONFIG"'

week: ## run a DBA's week with the installed extension on the PostgreSQL of PG_CONFIG, and check each step
	@tests/demo/week.sh $(PG_CONFIG)

install: ## build in release mode and install into the PostgreSQL of PG_CONFIG
	@bash -c 'source .ci/setup.sh && need_postgresql && build_extension "$$PG_CONFIG" && install_extension "$$PG_CONFIG"'

installcheck: ## run the regression files against the extension installed in the PostgreSQL of PG_CONFIG
	@tests/regress/run.sh $(PG_CONFIG)

package: ## build Debian packages in target/deb for the PostgreSQL of PG_CONFIG, or for each of MAJORS if set
	@packaging/deb.sh $(if $(filter file,$(origin MAJORS)),,$(MAJORS))

package-test: package ## install the package for PostgreSQL 15 into a copy of PostgreSQL, and use it there
	@packaging/test.sh

bench: ## measure speed: the engine's benchmarks, then calls inside PostgreSQL
	@cargo bench --no-default-features --bench dp_step
	@benches/pg.sh

quality: ## measure the quality of synthetic Adult at epsilon 1, with three seeds
	@benches/quality/sql.sh

clean: ## remove build results (not .cache, which holds tools)
	@cargo clean
