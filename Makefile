# SPDX-License-Identifier: ISC

.PHONY: help build users run test crash-test bench fuzz lint clean

help:
	@echo "make run         build a release and start it on 127.0.0.1:2525, with its state in ./var"
	@echo "make test        all tests"
	@echo "make build       a release with a static Swift runtime, in .build/release"
	@echo "make users       the users and groups of the roles (root)"
	@echo "make crash-test  kill -9 under load, for long"
	@echo "make bench       the scheduler, the stores and TLS alone"
	@echo "make fuzz        a minute for each fuzz target"
	@echo "make lint        the formatter's rules"

build:
	@scripts/build

users:
	@scripts/users

run:
	@scripts/run

test:
	@scripts/test

crash-test:
	@scripts/packages liblmdb-dev libsqlite3-dev libssl-dev libunbound-dev openssl python3
	@swift build
	@Tests/EndToEnd/crash --long

bench:
	@scripts/bench

fuzz:
	@Fuzz/run

lint:
	@scripts/lint

clean:
	@rm -rf .build
