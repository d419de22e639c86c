// @ts-check
/** The Node that runs the project: on Linux from an npm package, elsewhere the installed one. */

/** Major version that the project runs on (native TypeScript, long-term support). */
export const NODE_MAJOR = 24;
/** Oldest Node that can run the set-up. */
const OLDEST_MAJOR = 20;

/**
 * Why this machine cannot run the project, as one sentence; null if it can.
 * @param {{ platform: string, arch: string, version: string, glibc: boolean }} machine
 * @returns {string | null}
 */
export function projectNodeProblem({ platform, arch, version, glibc } = thisMachine()) {
  const major = Number(version.split('.')[0]);
  if (major < OLDEST_MAJOR)
    return (
      `Node ${version} is too old for the set-up; install Node ${NODE_MAJOR} (https://nodejs.org) and run this ` +
      `again.`
    );
  if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) {
    return glibc
      ? null
      : 'This Linux has no glibc, which onnxruntime and Temporal need; use a distribution that has it, such as ' +
          'Debian (docker: node:24-slim).';
  }
  if (platform === 'darwin' || platform === 'linux') {
    return major === NODE_MAJOR
      ? null
      : `Node ${version} runs here, but on ${platform} ${arch} the project needs an installed Node ` +
          `${NODE_MAJOR}; install it ` +
          `(https://nodejs.org${platform === 'darwin' ? `, or \`brew install node@${NODE_MAJOR}\`` : ''}) and ` +
          'run this again.';
  }
  return `The project runs on Linux and macOS, not on ${platform}; on Windows use WSL.`;
}

function thisMachine() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    process.report?.getReport() ?? { header: {} }
  );
  return {
    platform: process.platform,
    arch: process.arch,
    version: process.versions.node,
    glibc: header.glibcVersionRuntime !== undefined,
  };
}
