# SPDX-License-Identifier: ISC

.PHONY: help build users install uninstall run test crash-test bench fuzz lint clean

help:
	@echo "make run         build a release and start it on 127.0.0.1:2525, with its state in ./var"
	@echo "make test        all tests"
	@echo "make build       a release with a static Swift runtime, in .build/release"
	@echo "make install     PREFIX=/usr/local DESTDIR= : what was built, links, manual pages, service files"
	@echo "make uninstall   with the same words: takes them away again"
	@echo "make users       the users and groups of the roles (root)"
	@echo "make crash-test  kill -9 under load, for long"
	@echo "make bench       the parts alone, and the server beside Postfix; scripts/bench --long"
	@echo "make fuzz        a minute for each fuzz target"
	@echo "make lint        the formatter's rules"

build:
	@scripts/build

users:
	@scripts/users

# As whoever may write there: what was built is installed, and nothing is built.
install uninstall: export PREFIX := $(PREFIX)
install uninstall: export DESTDIR := $(DESTDIR)
install:
	@scripts/install install

uninstall:
	@scripts/install uninstall

run:
	@scripts/run

test:
	@scripts/test

crash-test:
	@scripts/crash-test

bench:
	@scripts/bench

fuzz:
	@Fuzz/run

lint:
	@scripts/lint

clean:
	@rm -rf .build
