#!/bin/sh
# Runs bench/gpu-check.ts on a machine with a GPU and without network access, where a bundle of scripts/gpu-bundle.ts
# was unpacked (or in a checkout after `npm run install-cuda`): with cuda, then with webgpu, a 135 M and a 7B model.
# PROVIDERS and SHAPES select others; LIMIT is the time limit of a part in seconds (90). CUDA's libraries are taken from
# the folder of onnxruntime's provider or from the nvidia packages of $PYTHON (python3). If that Python has transformers
# and peft, they do the same work once for comparison. Arguments are passed to bench/gpu-check.ts.
project=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
python=${PYTHON:-python3}
libraries=$("$python" -c '
import glob, os, sysconfig
print(":".join(sorted({os.path.dirname(file) for file in glob.glob(sysconfig.get_paths()["purelib"] + "/nvidia/**/*.so.*", recursive=True)})))' 2>/dev/null)
# onnxruntime opens cuDNN as libcudnn.so, a name that the packages do not contain.
links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
for folder in $(echo "$libraries" | tr : ' '); do
  [ -e "$folder/libcudnn.so.9" ] && ln -sf "$folder/libcudnn.so.9" "$links/libcudnn.so"
done
# The bundle's Vulkan loader comes last: the machine's own is better.
bundled=$project/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
LD_LIBRARY_PATH=$links${libraries:+:$libraries}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
if [ -e "$bundled/libvulkan.so.1" ] && ! ldconfig -p 2>/dev/null | grep -q libvulkan.so.1; then
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$bundled
fi
export LD_LIBRARY_PATH
# NVIDIA's driver contains Vulkan's library, but does not always register it where Vulkan's loader looks.
if [ -z "$VK_DRIVER_FILES" ] && ldconfig -p 2>/dev/null | grep -q libGLX_nvidia.so.0 &&
  ! ls /usr/share/vulkan/icd.d/*nvidia* /etc/vulkan/icd.d/*nvidia* >/dev/null 2>&1; then
  echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "libGLX_nvidia.so.0", "api_version": "1.3.0"}}' >"$links/nvidia_icd.json"
  export VK_DRIVER_FILES="$links/nvidia_icd.json" VK_ICD_FILENAMES="$links/nvidia_icd.json"
fi
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/tmp
compare=
if "$python" -c 'import torch, transformers, peft' 2>/dev/null; then
  compare="--python $python"
else
  echo "$python lacks torch, transformers or peft (PYTHON=... names another): only the engine is measured."
fi
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
failed=0
for provider in ${PROVIDERS:-cuda webgpu}; do
  cases=
  for shape in ${SHAPES:-135m 7b}; do
    # shellcheck disable=SC2086 # each of these is several words, or none
    sh "$project/scripts/node.sh" "$project/bench/gpu-check.ts" --provider "$provider" --shape "$shape" \
      --batches 1,16 --limit "${LIMIT:-90}" $compare $cases "$@" || failed=1
    cases='--cases none'
  done
  compare=
done
exit $failed
