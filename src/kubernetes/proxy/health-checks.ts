import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

/** What a balancer asks of a node: does this Service have endpoints here? */
export interface HealthCheck {
  /** spec.healthCheckNodePort */
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

/** Keeps one HTTP server per health check node port. */
export class HealthChecks implements AsyncDisposable {
  readonly #log: Log;
  readonly #servers = new Map<number, Server>();
  readonly #checks = new Map<number, HealthCheck>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** A port that is taken is said in the log and tried again at the next call. */
  async set(checks: readonly HealthCheck[]): Promise<void> {
    this.#checks.clear();
    for (const check of checks) this.#checks.set(check.port, check);
    const unwanted = [...this.#servers.keys()].filter((port) => !this.#checks.has(port));
    await Promise.all(unwanted.map((port) => this.#close(port)));
    await Promise.all([...this.#checks.keys()].filter((port) => !this.#servers.has(port)).map((port) => this.#open(port)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#servers.keys()].map((port) => this.#close(port)));
  }

  async #open(port: number): Promise<void> {
    const server = createServer((_request, response) => {
      const check = this.#checks.get(port);
      const localEndpoints = check?.localEndpoints ?? 0;
      const body = { service: { namespace: check?.namespace, name: check?.name }, localEndpoints, serviceProxyHealthy: true };
      response.writeHead(localEndpoints > 0 ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      });
      response.end(JSON.stringify(body, undefined, '\t'));
    });
    this.#servers.set(port, server);
    try {
      server.listen(port, '0.0.0.0');
      await once(server, 'listening');
    } catch (error) {
      this.#servers.delete(port);
      const { namespace, name } = this.#checks.get(port) ?? {};
      this.#log.warn({ port, service: `${namespace}/${name}`, error: messageOf(error) }, 'cannot answer health checks of Service');
    }
  }

  async #close(port: number): Promise<void> {
    const server = this.#servers.get(port);
    this.#servers.delete(port);
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
}
