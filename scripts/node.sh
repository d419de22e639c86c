#!/bin/sh
# Runs a file on the project's own Node, which npm brings for Linux; elsewhere on the installed one, whose version the set-up has checked.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# Tools that the file starts (`#!/usr/bin/env node`) find the same Node.
PATH=$project/node_modules/.bin:$PATH
export PATH
exec node --disable-warning=ExperimentalWarning "$@"
