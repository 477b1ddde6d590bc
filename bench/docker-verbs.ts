import { Agent, request, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

interface Answer {
  readonly body: string;
  /** When the server took the connection over: resolves with its end. */
  readonly ended?: Promise<void>;
}

/** The requests that the docker client makes for its verbs, without the client: what is left is the engine's. */
export class DockerVerbs implements Disposable {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });

  /** `host`: `unix:///run/docker.sock` */
  constructor(host: string) {
    this.#socketPath = host.replace('unix://', '');
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** `docker run --rm` with its output read to the end. */
  async run(image: string, command: readonly string[], network: string): Promise<void> {
    const create = { Image: image, Cmd: command, AttachStdout: true, HostConfig: { NetworkMode: network, AutoRemove: true } };
    const id = idOf(await this.#ask('POST', '/containers/create', create));
    const { ended } = await this.#ask('POST', `/containers/${id}/attach?stream=1&stdout=1&stderr=1`, undefined, true);
    const removed = this.#ask('POST', `/containers/${id}/wait?condition=removed`);
    await this.#ask('POST', `/containers/${id}/start`);
    await Promise.all([ended, removed]);
  }

  async exec(container: string, command: readonly string[]): Promise<void> {
    const id = idOf(await this.#ask('POST', `/containers/${container}/exec`, { Cmd: command, AttachStdout: true, AttachStderr: true }));
    const { ended } = await this.#ask('POST', `/exec/${id}/start`, { Detach: false, Tty: false }, true);
    await ended;
    await this.#ask('GET', `/exec/${id}/json`);
  }

  /** `docker run -d --name` */
  async start(name: string, image: string, command: readonly string[]): Promise<void> {
    await this.#ask('POST', `/containers/create?name=${name}`, { Image: image, Cmd: command });
    await this.#ask('POST', `/containers/${name}/start`);
  }

  async remove(name: string): Promise<void> {
    await this.#ask('DELETE', `/containers/${name}?force=1`);
  }

  /** How many containers run. */
  async running(): Promise<number> {
    return (JSON.parse((await this.#ask('GET', '/containers/json')).body) as readonly unknown[]).length;
  }

  /** `docker ps -a` */
  async list(): Promise<void> {
    await this.#ask('GET', '/containers/json?all=1');
  }

  #ask(method: string, path: string, body?: object, upgrade = false): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = { 'Content-Type': 'application/json', ...(upgrade && { Connection: 'Upgrade', Upgrade: 'tcp' }) };
    const sent = request({ socketPath: this.#socketPath, agent: this.#agent, method, path: `/v1.41${path}`, headers });
    sent.on('error', reject);
    sent.on('upgrade', (_: IncomingMessage, socket: Duplex) => resolve({ body: '', ended: endOf(socket) }));
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if ((response.statusCode ?? 500) < 300) resolve({ body: text });
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
      });
    });
    sent.end(body && JSON.stringify(body));
    return promise;
  }
}

function idOf({ body }: Answer): string {
  return (JSON.parse(body) as { readonly Id: string }).Id;
}

function endOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', resolve);
    socket.on('error', () => resolve());
    socket.resume();
  });
}
