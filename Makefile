# For developers; every line is a command that could be typed. The real entry is ./kapok.
.PHONY: setup test format check types generated bench ci

setup: # the development environment, and nothing else
	./kapok test --version

test: setup
	./kapok test

format: setup
	.venv/bin/ruff format
	.venv/bin/ruff check --fix

check: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check

types: setup
	.venv/bin/mypy

generated: setup # makes again what is generated; `git diff` then shows what was edited by hand
	.ci/generated

bench: setup
	./kapok bench

ci:
	bash .ci/run
