import { existsSync, readFileSync } from 'node:fs';

/** The last lines of a text file, indented; a note when there is none. */
export function lastLines(path: string, count: number): string {
  if (!existsSync(path)) return '  (no log)';
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  ${line}`).join('\n');
}
