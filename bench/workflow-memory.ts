/**
 * The heap that a cached workflow takes for its code: the modules of the bundle are run again for each workflow, in one
 * context, as in the SDK (`reuseV8Context`), and the heap is measured.
 *
 * npm run bench -- workflow-memory [--workflows 200]
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import vm from 'node:vm';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { WORKFLOWS_PATH } from '../workers/orchestrator.ts';

const { values } = parseArgs({ options: { workflows: { type: 'string', default: '200' } } });
const workflows = Number(values.workflows);

setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc') as () => void;

/** Modules that the current workflow has run. */
let loaded = new Map<PropertyKey, unknown>();
const moduleCache = new Proxy(
  {},
  {
    get: (_, name) => loaded.get(name),
    set: (_, name, value) => loaded.set(name, value).has(name),
    has: (_, name) => loaded.has(name),
  },
);
type BundleGlobals = { __TEMPORAL__: { importWorkflows(): unknown } };
const context = vm.createContext({
  __webpack_module_cache__: moduleCache,
  exports: {},
  console,
  TextEncoder,
  TextDecoder,
  URL,
  URLSearchParams,
  AbortController,
}) as unknown as BundleGlobals;

const { code } = await bundleWorkflowCode({ workflowsPath: WORKFLOWS_PATH, logger: new DefaultLogger('ERROR') });
const withoutMap = code.replace(/\/\/# sourceMappingURL=.*$/m, '');
new vm.Script(withoutMap).runInContext(context as unknown as vm.Context);

const heap = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed;
};
const before = heap();
const kept = Array.from({ length: workflows }, () => {
  loaded = new Map();
  context.__TEMPORAL__.importWorkflows();
  return loaded;
});
const each = (heap() - before) / workflows / 1024;
console.log(
  `bundle: ${(withoutMap.length / 1024).toFixed(0)} KiB without its source map; ` +
    `${kept.length} workflows of ${kept[0].size} modules: ${each.toFixed(0)} KiB of heap each`,
);
