import test from 'ava';
import { projectNodeProblem } from '../../scripts/project-node.mjs';

const linux = { platform: 'linux', arch: 'x64', version: '20.20.2', glibc: true };

test('on Linux npm brings the project its Node: any from 20 does', (t) => {
  t.is(projectNodeProblem(linux), null);
  t.is(projectNodeProblem({ ...linux, arch: 'arm64', version: '26.0.0' }), null);
  t.regex(projectNodeProblem({ ...linux, version: '18.20.0' })!, /too old/);
  t.regex(projectNodeProblem({ ...linux, glibc: false })!, /glibc/);
});

test('elsewhere the installed Node must be the right one', (t) => {
  t.is(projectNodeProblem({ ...linux, platform: 'darwin', version: '24.1.0' }), null);
  t.regex(projectNodeProblem({ ...linux, platform: 'darwin' })!, /Node 24/);
  t.regex(projectNodeProblem({ ...linux, arch: 'ppc64' })!, /Node 24/);
  t.regex(projectNodeProblem({ ...linux, platform: 'win32' })!, /WSL/);
});
