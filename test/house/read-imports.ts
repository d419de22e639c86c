/** The imports of the project's TypeScript files, read from their text. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

export const PROJECT = path.resolve(import.meta.dirname, '../..');

/** Folders without code of the project. */
const OUTSIDE = new Set(['node_modules', 'coverage']);

/**
 * `target`: a file of the project (`core/graph/tensor.ts`), or a package (`zod`, `node:path`). `typeOnly`: gone when
 * types are stripped (`import { type A }` is not: the file is still loaded).
 */
export type Import = { target: string; typeOnly: boolean };

/** Project-relative path -> imports, of every TypeScript and JavaScript file. */
export function importsOfProject(): Map<string, Import[]> {
  return new Map(
    sourceFiles('').map((file) => [file, readImports(file, readFileSync(path.join(PROJECT, file), 'utf8'))]),
  );
}

/** The imports and re-exports of one file's text, dynamic ones with a literal name included. */
export function readImports(file: string, text: string): Import[] {
  const statements = text.matchAll(
    /^\s*(?:import|export)\s+(type\s[^'"]*?from|(?:[\w*{$][^'";()]*?\sfrom)?)\s*['"]([^'"]+)['"]/gm,
  );
  const dynamic = text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [
    ...[...statements].map(([, clause, name]) => ({
      target: resolve(file, name),
      typeOnly: /^type\s+(?!from\b)/.test(clause),
    })),
    ...[...dynamic].map(([, name]) => ({ target: resolve(file, name), typeOnly: false })),
  ];
}

function resolve(file: string, name: string): string {
  return name.startsWith('.') ? path.posix.join(path.posix.dirname(file), name) : name;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(PROJECT, folder)).flatMap((entry) => {
    const file = path.posix.join(folder, entry);
    if (entry.startsWith('.') || OUTSIDE.has(entry)) return [];
    if (statSync(path.join(PROJECT, file)).isDirectory()) return sourceFiles(file);
    return /\.(ts|mjs)$/.test(entry) ? [file] : [];
  });
}
