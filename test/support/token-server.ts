import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { importPKCS8, SignJWT } from 'jose';

export interface TokenServerOptions {
  readonly address: string;
  readonly port: number;
  /** PEM files of an EC key and its certificate. */
  readonly key: string;
  readonly certificate: string;
  /** Actions that a user (undefined: nobody) with the right password gets on a repository; undefined: no token at all. */
  grant(user: string | undefined, password: string | undefined, repository: string): readonly string[] | undefined;
}

/** Docker's token authentication, https://distribution.github.io/distribution/spec/auth/token/, with tokens that a real registry accepts. */
export class TokenServer implements AsyncDisposable {
  readonly realm: string;
  /** `tester repository:team/app:pull,push` */
  readonly asked: string[] = [];
  readonly #options: TokenServerOptions;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(options: TokenServerOptions) {
    this.#options = options;
    this.realm = `http://${options.address}:${options.port}/token`;
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    const self = new TokenServer(options);
    self.#server.listen(options.port, options.address);
    await once(self.#server, 'listening');
    return self;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { key, certificate, grant } = this.#options;
    const url = new URL(request.url ?? '/', this.realm);
    const [user, password] = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64')
      .toString()
      .split(':');
    const scopes = url.searchParams.getAll('scope').flatMap((scope) => scope.split(' '));
    this.asked.push(`${user || 'nobody'} ${scopes.join(' ')}`);
    const access = scopes.map((scope) => {
      const [type = '', name = '', actions = ''] = scope.split(':');
      const allowed = grant(user || undefined, password, name);
      return { type, name, isKnown: allowed !== undefined, actions: actions.split(',').filter((action) => allowed?.includes(action)) };
    });
    if (grant(user || undefined, password, '') === undefined) return void response.writeHead(401).end('{}');
    const chain = [...readFileSync(certificate, 'utf8').matchAll(/CERTIFICATE-----([^-]+)-----END/g)].map((match) =>
      (match[1] ?? '').replaceAll(/\s/g, ''),
    );
    const token = await new SignJWT({ access: access.map(({ type, name, actions }) => ({ type, name, actions })) })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: chain })
      .setIssuer('tester')
      .setAudience('test')
      .setSubject(user ?? '')
      .setIssuedAt()
      .setNotBefore('-1 minute')
      .setExpirationTime('5 minutes')
      .setJti(String(this.asked.length))
      .sign(await importPKCS8(readFileSync(key, 'utf8'), 'ES256'));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ token }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
