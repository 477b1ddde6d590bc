import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Told each line as it comes, from both streams. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A command that ended with another code than 0; the message is the end of what it said. */
export class CommandFailed extends Error {
  readonly command: string;
  readonly code: number | null;

  constructor(command: string, code: number | null, said: string) {
    super(said || `ended with code ${code}`);
    this.name = 'CommandFailed';
    this.command = command;
    this.code = code;
  }
}

/** Runs a client to its end. No shell; standard input is empty. */
export async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<{ readonly stdout: string }> {
  const [file, ...rest] = argv;
  const child = spawn(file, rest, {
    env: { ...process.env, DOCKER_BUILDKIT: '0', ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
  });
  const stdout: string[] = [];
  const tail: string[] = [];
  const read = async (stream: NodeJS.ReadableStream, keep: (line: string) => void): Promise<void> => {
    for await (const line of createInterface({ input: stream })) {
      keep(line);
      tail.push(line);
      if (tail.length > 15) tail.shift();
      options.onLine?.(line);
    }
  };
  const { promise: closed, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  const [code] = await Promise.all([closed, read(child.stdout, (line) => stdout.push(line)), read(child.stderr, () => {})]);
  if (code !== 0) throw new CommandFailed(argv.join(' '), code, tail.join('\n'));
  return { stdout: stdout.join('\n') };
}
