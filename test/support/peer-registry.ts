import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { spawn } from 'node:child_process';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import type { Machine } from './machine.ts';
import { peerProgram } from './peers.ts';

export interface PeerRegistryOptions {
  readonly port: number;
  /** Lines of an htpasswd file (bcrypt). */
  readonly users?: string;
  /** Only with a bearer token that this server made and signed (PEM of its certificate). */
  readonly token?: { readonly realm: string; readonly certificate: string };
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Debian's docker-registry, in the machine's network, with its own storage. */
export class PeerRegistry implements AsyncDisposable {
  readonly #child: ReturnType<typeof spawn>;
  #log = '';

  private constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
  }

  static async start(
    machine: Pick<Machine, 'folder' | 'start' | 'ok'>,
    { port, users, token, tls }: PeerRegistryOptions,
  ): Promise<PeerRegistry> {
    const folder = join(machine.folder, `registry-${port}`);
    await mkdir(folder);
    if (users !== undefined) await writeFile(join(folder, 'htpasswd'), users);
    const config = {
      version: '0.1',
      log: { accesslog: { disabled: false }, level: 'info' },
      storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
      http: { addr: `:${port}`, ...(tls ? { tls: { certificate: tls.certificate, key: tls.key } } : {}) },
      ...(token && { auth: { token: { realm: token.realm, service: 'test', issuer: 'tester', rootcertbundle: token.certificate } } }),
      ...(users === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    const registry = new PeerRegistry(machine.start([peerProgram('docker-registry').path, 'serve', join(folder, 'config.json')]));
    await eventually(() => machine.ok(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`]), { withinMs: 20_000 });
    return registry;
  }

  /** Requests served so far that match, as `GET /v2/x/blobs/sha256:…`. */
  requests(pattern: RegExp): readonly string[] {
    return [...this.#log.matchAll(/"((?:GET|HEAD|POST|PUT|PATCH) [^ ]+) HTTP/g)]
      .map((match) => match[1] ?? '')
      .filter((line) => pattern.test(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
