import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Forwarder } from './forwarder.ts';
import { certificateFor, noRoutes, targetFor, type Certificate, type Routes, type Target } from './routes.ts';

export interface GatewayOptions {
  readonly address: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** For handshakes that no certificate fits. */
  readonly fallbackCertificate: { readonly cert: string; readonly key: string };
}

/** HTTP and HTTPS servers that send requests on to pods. New routes count from the next request on; connections stay. */
export class Gateway implements AsyncDisposable {
  readonly #forwarder = new Forwarder();
  readonly #servers: readonly Server[];
  /** Made once per certificate: parsing keys is slow. */
  readonly #contexts = new Map<string, SecureContext>();
  #routes: Routes = noRoutes;

  private constructor(options: GatewayOptions) {
    const tls = {
      ...options.fallbackCertificate,
      SNICallback: (name: string, done: (error: Error | null, context?: SecureContext) => void) => this.#chooseCertificate(name, done),
    };
    this.#servers = [createServer(), createTlsServer(tls)];
    for (const server of this.#servers) {
      // Uploads take as long as they take; idle clients are let go after upstream's usual 75 s.
      Object.assign(server, { requestTimeout: 0, headersTimeout: 60_000, keepAliveTimeout: 75_000 });
      server.on('request', (request, response) => this.#forwarder.request(request, response, this.#targetOf(request)));
      server.on('upgrade', (request, socket: Duplex, head: Buffer) =>
        this.#forwarder.upgrade(request, socket, head, this.#targetOf(request)),
      );
      server.on('tlsClientError', (_error, socket: Duplex) => socket.destroy());
    }
  }

  static async open(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options);
    try {
      for (const [index, server] of gateway.#servers.entries()) {
        server.listen(index === 0 ? options.httpPort : options.httpsPort, options.address);
        await once(server, 'listening');
      }
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  get ports(): { readonly http: number; readonly https: number } {
    const [http, https] = this.#servers.map((server) => (server.address() as AddressInfo).port);
    return { http: http ?? 0, https: https ?? 0 };
  }

  set routes(routes: Routes) {
    this.#routes = routes;
    const wanted = new Set(routes.certificates.map(keyOf));
    for (const key of this.#contexts.keys()) if (!wanted.has(key)) this.#contexts.delete(key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#forwarder[Symbol.dispose]();
    for (const server of this.#servers) {
      if (!server.listening) continue;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  #targetOf(request: IncomingMessage): Target | undefined {
    return targetFor(this.#routes, request.headers.host ?? '', request.url ?? '/');
  }

  #chooseCertificate(name: string, done: (error: Error | null, context?: SecureContext) => void): void {
    const certificate = certificateFor(this.#routes.certificates, name);
    try {
      // Without one of its own the server's fallback is used.
      done(null, certificate && this.#contextOf(certificate));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #contextOf(certificate: Certificate): SecureContext {
    const key = keyOf(certificate);
    const context = this.#contexts.get(key) ?? createSecureContext({ cert: certificate.cert, key: certificate.key });
    this.#contexts.set(key, context);
    return context;
  }
}

function keyOf({ cert, key }: Certificate): string {
  return `${cert}${key}`;
}
