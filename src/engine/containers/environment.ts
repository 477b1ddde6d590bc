/** `['A=1', 'B=2'] + ['A=3', 'B', 'C=4']` → `['A=3', 'C=4']`: later wins in place, `KEY` alone removes. */
export function mergeEnvironment(base: readonly string[], changes: readonly string[]): readonly string[] {
  const merged = new Map(base.map((line) => [keyOf(line), line]));
  for (const line of changes) {
    if (line.includes('=')) merged.set(keyOf(line), line);
    else merged.delete(line);
  }
  return [...merged.values()];
}

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What the process really gets: PATH, HOSTNAME, TERM (with a terminal) first, overridden by the container's own; HOME last, when missing. */
export function processEnvironment(
  env: readonly string[],
  options: { readonly hostname: string; readonly tty: boolean; readonly home: string },
): readonly string[] {
  const base = [`PATH=${defaultPath}`, `HOSTNAME=${options.hostname}`, ...(options.tty ? ['TERM=xterm'] : [])];
  const merged = mergeEnvironment(base, env);
  return merged.some((line) => line.startsWith('HOME=')) ? merged : [...merged, `HOME=${options.home}`];
}

function keyOf(line: string): string {
  const equals = line.indexOf('=');
  return equals < 0 ? line : line.slice(0, equals);
}
