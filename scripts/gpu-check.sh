#!/bin/sh
# bench/gpu-check.ts on a machine with an NVIDIA GPU and nothing from outside, where a bundle of scripts/gpu-bundle.ts was unpacked (or in a checkout after
# `npm run install-cuda`). CUDA's libraries: beside onnxruntime's provider, or those of the nvidia packages of $PYTHON (python3), whose transformers and peft do
# the same work beside it where they are there. Arguments go to bench/gpu-check.ts.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
python=${PYTHON:-python3}
libraries=$("$python" -c '
import glob, os, sysconfig
print(":".join(sorted({os.path.dirname(file) for file in glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/**/*.so.*", recursive=True)})))' 2>/dev/null)
# cuDNN is opened by its bare name, which the packages do not have.
links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
for folder in $(echo "$libraries" | tr : ' '); do
  [ -e "$folder/libcudnn.so.9" ] && ln -sf "$folder/libcudnn.so.9" "$links/libcudnn.so"
done
LD_LIBRARY_PATH=$links${libraries:+:$libraries}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
  set -- --python "$python" "$@"
else
  echo "$python has not all of torch, transformers and peft (PYTHON=... names another): only the engine is measured."
fi
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
sh "$project/scripts/node.sh" "$project/bench/gpu-check.ts" "$@"
