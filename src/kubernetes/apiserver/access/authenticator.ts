import type { IncomingHttpHeaders } from 'node:http';
import { messageOf } from '../../../base/errors.ts';
import type { Store } from '../../../store/store.ts';
import { apiError } from '../status.ts';
import { bootstrapUser } from './bootstrap-tokens.ts';
import { OidcVerifier, type OidcOptions } from './oidc.ts';
import { userInfo } from './reviews.ts';
import { issuer, type ServiceAccountTokens } from './service-account-tokens.ts';
import { anonymous, type User } from './user.ts';

export interface AuthenticatorOptions {
  readonly store: Store;
  readonly tokens: ServiceAccountTokens;
  readonly oidc?: OidcOptions;
}

/** From a request to who asks: a client certificate, else a bearer token, else nobody. */
export class Authenticator {
  readonly tokens: ServiceAccountTokens;
  readonly #store: Store;
  readonly #oidc: OidcVerifier | undefined;

  constructor({ store, tokens, oidc }: AuthenticatorOptions) {
    this.#store = store;
    this.tokens = tokens;
    this.#oidc = oidc && new OidcVerifier(oidc);
  }

  /** `certified` is whom the client certificate names. A token that is not accepted is `Unauthorized`, whatever is asked for. */
  async userOf(certified: User, headers: IncomingHttpHeaders): Promise<User> {
    if (certified !== anonymous) return certified;
    const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) return anonymous;
    try {
      return await this.#userOfToken(token);
    } catch {
      throw apiError('Unauthorized', 'Unauthorized');
    }
  }

  /** TokenReview's status. */
  async review(token: string, audiences: readonly string[] | undefined): Promise<object> {
    const wanted = audiences?.length ? audiences : [issuer];
    try {
      const known = this.tokens.claims(token)
        ? await this.tokens.verify(token, wanted)
        : { user: await this.#userOfToken(token), audiences: wanted };
      return { authenticated: true, user: userInfo(known.user), audiences: known.audiences };
    } catch (error) {
      return { user: {}, error: `[invalid bearer token, ${messageOf(error)}]` };
    }
  }

  async #userOfToken(token: string): Promise<User> {
    if (this.tokens.claims(token)) return (await this.tokens.verify(token)).user;
    const bootstrap = bootstrapUser(this.#store, token, new Date());
    if (bootstrap) return bootstrap;
    if (this.#oidc && token.split('.').length === 3) return this.#oidc.verify(token);
    throw new Error('the token is unknown');
  }
}
