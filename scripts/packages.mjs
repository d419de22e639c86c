// @ts-check
/** Checks that node_modules matches package-lock.json, and installs the packages. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { run, say, SetUpError } from './progress.mjs';

/** The command that repairs a missing or outdated node_modules. */
export const INSTALL_PACKAGES = 'npm ci';

/**
 * Compares npm's record of what it installed (which it writes last, so an interrupted installation has none) with the
 * lockfile.
 * @param {string} project
 * @returns {string | null} what is wrong, in a few words; null if nothing is
 */
export function packagesProblem(project) {
  const record = path.join(project, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return 'the npm packages are not installed';
  const installed = packagesOf(record);
  const wanted = packagesOf(path.join(project, 'package-lock.json'));
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === '') continue;
    const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const present = installed[place];
    // Optional packages are for one platform; those for other platforms are not installed.
    if (present === undefined && !entry.optional && !entry.devOptional) return `${name} is not installed`;
    if (present !== undefined && present.version !== entry.version)
      return `${name} is ${present.version}, not the locked ${entry.version}`;
  }
  const foreign = Object.keys(installed).find((place) => wanted[place] === undefined || !fits(installed[place]));
  return foreign === undefined ? null : `${foreign} does not belong here`;
}

/**
 * Installs exactly what the lockfile names.
 * @param {string} project
 * @param {string} problem
 */
export async function installPackages(project, problem) {
  say(`Installing the npm packages (${problem}) ...`);
  // npm first removes node_modules, and with it the project's own Node: it must run on another Node if there is one.
  const removed = path.join(project, 'node_modules') + path.sep;
  const folders = (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => !path.resolve(folder).startsWith(removed));
  const { found, ok, lastWords } = await run('npm', ['ci', '--include=dev', '--include=optional'], {
    cwd: project,
    env: { ...process.env, PATH: folders.join(path.delimiter) },
  });
  if (!found)
    throw new SetUpError(
      'npm is missing; install Node 20 or newer together with npm (https://nodejs.org) and run this again.',
    );
  if (!ok)
    throw new SetUpError(
      `The npm packages could not be installed (${lastWords}); \`${INSTALL_PACKAGES}\` in ${project} shows why.`,
    );
  const remaining = packagesProblem(project);
  if (remaining !== null)
    throw new SetUpError(
      `The npm packages were installed, but ${remaining}; package-lock.json and package.json disagree, \`npm ` +
        `install\` repairs that.`,
    );
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean, os?: string | string[], cpu?: string |
 * string[] }} Package
 */

/**
 * @param {string} file
 * @returns {Record<string, Package>}
 */
function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/**
 * Whether a package is for this platform; a node_modules copied from another platform contains some that are not.
 * @param {Package} entry
 */
function fits({ os, cpu }) {
  return allows(os, process.platform) && allows(cpu, process.arch);
}

/**
 * npm's rule: a list of names, or of excluded names (`!win32`).
 * @param {string | string[] | undefined} rule
 * @param {string} actual
 */
function allows(rule, actual) {
  const names = [rule ?? []].flat();
  if (names.includes(`!${actual}`)) return false;
  const required = names.filter((name) => !name.startsWith('!'));
  return required.length === 0 || required.includes(actual);
}
