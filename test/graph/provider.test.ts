/** A provider that cannot be used is named with its cause, in one sentence. */
import test from 'ava';
import { chooseDevice, cudaDevices, failureIn, ProviderError } from '../../core/graph/provider.ts';

test('the cause is extracted from the output of onnxruntime', (t) => {
  const log =
    'provider_bridge_ort.cc:1988 onnxruntime::Provider& Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load ' +
    'library /a/b/libonnxruntime_providers_cuda.so with error: ';
  t.is(
    failureIn(
      `${log}libcublasLt.so.13: cannot open shared object file: No such file or directory\n\u001b[m\nError: ` +
        `OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library`,
    ),
    'libonnxruntime_providers_cuda.so: libcublasLt.so.13: cannot open shared object file: No such file or directory',
  );
  t.is(
    failureIn(`${log}/a/b/libonnxruntime_providers_cuda.so: undefined symbol: cuInit\n`),
    'libonnxruntime_providers_cuda.so: undefined symbol: cuInit',
  );
  t.is(
    failureIn(
      'Error: cuda_call.cc:154 bool CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; ' +
        'GPU=-1 ; hostname=x',
    ),
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
  );
});

test('cpu needs nothing; cuda is refused where there is no GPU', async (t) => {
  t.is((await chooseDevice({ provider: 'cpu' })).provider, 'cpu');
  if ((await cudaDevices().catch(() => [])).length > 0) return;
  await t.throwsAsync(chooseDevice({ provider: 'cuda' }), {
    instanceOf: ProviderError,
    message:
      /^engine\.provider: onnxruntime cannot compute with cuda here \(lib\S+: .+\); `npm run install-cuda` installs its libraries/,
  });
});
