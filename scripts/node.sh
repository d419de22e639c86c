#!/bin/sh
# Runs the project's own Node (npm brings it where there is a package for the platform), else the installed one.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
node="$project/node_modules/.bin/node"
[ -x "$node" ] || node=node
exec "$node" --disable-warning=ExperimentalWarning "$@"
