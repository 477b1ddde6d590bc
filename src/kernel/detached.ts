import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { KindError } from '../base/errors.ts';

/**
 * Starts a program that outlives us: own session, no terminal, output appended to a file.
 * Only for the short-lived CLI (a large process must not fork).
 */
export function spawnDetached(argv: readonly string[], options: { readonly logPath: string; readonly env: NodeJS.ProcessEnv }): number {
  const [program = '', ...args] = argv;
  const log = openSync(options.logPath, 'a', 0o600);
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env: options.env });
    child.unref();
    if (child.pid === undefined) throw new KindError('unavailable', `start ${program}: cannot be run`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** Runs a program to its end and hands over its output line by line, for progress. Only for the CLI. */
export async function runWithProgress(argv: readonly string[], onLine: (line: string) => void): Promise<number> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split(/[\r\n]+/);
      rest = lines.pop() ?? '';
      lines.filter((line) => line !== '').forEach(onLine);
    });
  }
  child.on('error', (error) =>
    reject(new KindError('unavailable', `run ${program}: ${error.message}: install it, or run \`npm run setup\``)),
  );
  child.on('close', (code) => resolve(code ?? 255));
  return promise;
}
