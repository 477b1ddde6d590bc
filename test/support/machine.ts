import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What runs tests may be short of disk; that is for the tests of eviction to play. */
const enough = ['--eviction-hard', 'memory.available<10Mi'];

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A machine of its own for one test file: a network namespace with a NATed uplink (tools/lab.sh), davit's own data,
 * run root and control groups. Everything that runs "on" it goes through `run`. Disposing takes it all away.
 */
export class Machine implements AsyncDisposable {
  readonly #name: string;
  readonly #number: number;
  readonly #folder: string;
  /** Where docker's clients find the engine. */
  dockerSocket: string;

  private constructor(name: string, number: number, folder: string) {
    this.#name = name;
    this.#number = number;
    this.#folder = folder;
    this.dockerSocket = join(folder, 'run/docker.sock');
  }

  /** `number`: 1–250, different for every test file: it names the uplink's addresses. */
  static async create(name: string, number: number): Promise<Machine> {
    return new Machine(name, number, await mkdtemp(`/tmp/dv-${name}-`));
  }

  get folder(): string {
    return this.#folder;
  }

  /** Where other hosts reach it. */
  get address(): string {
    return `198.18.${this.#number}.2`;
  }

  get environment(): Record<string, string> {
    const paths = { DAVIT_DATA_ROOT: join(this.#folder, 'data'), DAVIT_RUN_ROOT: join(this.#folder, 'run') };
    return {
      ...(process.env as Record<string, string>),
      ...paths,
      PATH: `${join(root, '.cache/bin')}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
      DOCKER_HOST: `unix://${this.dockerSocket}`,
      DOCKER_CONFIG: join(this.#folder, 'docker-config'),
      KUBECONFIG: join(paths.DAVIT_DATA_ROOT, 'admin.kubeconfig'),
      HOME: this.#folder,
      NO_COLOR: '1',
    };
  }

  /** Runs a command to its end; a non-zero exit is a result. */
  async run(
    argv: readonly string[],
    options: { readonly input?: string | Buffer; readonly timeoutMs?: number; readonly env?: Record<string, string> } = {},
  ): Promise<Result> {
    const child = execFile(
      'bash',
      [join(root, 'tools/lab.sh'), this.#name, String(this.#number), ...argv],
      { env: { ...this.environment, ...options.env }, maxBuffer: 64 << 20, timeout: options.timeoutMs ?? 60_000, encoding: 'utf8' },
      (error, stdout, stderr) => done.resolve({ code: codeOf(error), stdout, stderr }),
    );
    const done = Promise.withResolvers<Result>();
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input ?? '');
    return done.promise;
  }

  /** Runs a command that must succeed; its standard output without the last newline. */
  async ok(
    argv: readonly string[],
    options: { readonly input?: string | Buffer; readonly timeoutMs?: number; readonly env?: Record<string, string> } = {},
  ): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) throw new Error(`${argv.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`);
    return result.stdout.replace(/\n$/, '');
  }

  davit(...args: readonly string[]): Promise<string> {
    return this.ok(
      [
        join(root, 'bin/davit'),
        ...args,
        ...(args[0] === 'up'
          ? ['--cgroup-parent', `/davit-${this.#name}`, '--node-name', 'node-1', ...(args.includes('--eviction-hard') ? [] : enough)]
          : []),
      ],
      {
        timeoutMs: 120_000,
      },
    );
  }

  docker(...args: readonly string[]): Promise<string> {
    return this.ok(['docker', ...args], { timeoutMs: 120_000 });
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.ok(['kubectl', ...args], { timeoutMs: 120_000 });
  }

  /** Starts a command that goes on; the caller ends it. */
  start(argv: readonly string[]): ReturnType<typeof spawn> {
    return spawn('bash', [join(root, 'tools/lab.sh'), this.#name, String(this.#number), ...argv], {
      env: this.environment,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const down = await this.run([join(root, 'bin/davit'), 'down', '--purge'], { timeoutMs: 60_000 });
    await this.run(['--down']);
    await rm(this.#folder, { recursive: true, force: true });
    if (down.code !== 0) throw new Error(`davit down: ${down.stderr}`);
  }
}

function codeOf(error: unknown): number {
  if (!error) return 0;
  const code = (error as { code?: unknown }).code;
  return typeof code === 'number' ? code : 255;
}
