import { request } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { textOf } from '../json.ts';
import type { User } from './user.ts';

/** An identity provider whose tokens are taken, as kube-apiserver's --oidc-* flags name it. */
export interface OidcOptions {
  readonly issuerUrl: string;
  readonly clientId: string;
  /** PEM of the authority behind the issuer's certificate; the system's where it is left out. */
  readonly ca?: string;
  /** `sub` where it is left out. */
  readonly usernameClaim?: string;
  readonly usernamePrefix?: string;
  readonly groupsClaim?: string;
  readonly groupsPrefix?: string;
}

const limitMs = 10_000;
const refreshMs = 60_000;

/** Verifies tokens with the issuer's published keys; a token signed by a new key makes them be read again. */
export class OidcVerifier {
  readonly #options: OidcOptions;
  #keys: Promise<JSONWebKeySet> | undefined;
  #readAt = 0;

  constructor(options: OidcOptions) {
    this.#options = options;
  }

  async verify(token: string): Promise<User> {
    const { issuerUrl, clientId } = this.#options;
    const check = async (): Promise<JWTPayload> =>
      (await jwtVerify(token, createLocalJWKSet(await this.#jwks()), { issuer: issuerUrl, audience: clientId })).payload;
    try {
      return this.#userOf(await check());
    } catch (error) {
      if ((error as { readonly code?: string }).code !== 'ERR_JWKS_NO_MATCHING_KEY' || Date.now() - this.#readAt < refreshMs) throw error;
    }
    this.#keys = undefined;
    return this.#userOf(await check());
  }

  #userOf(payload: JWTPayload): User {
    const { issuerUrl, usernameClaim = 'sub', usernamePrefix, groupsClaim, groupsPrefix = '' } = this.#options;
    const name = textOf(payload[usernameClaim]);
    if (!name) throw new Error(`the token has no claim ${usernameClaim}`);
    if (usernameClaim === 'email' && payload['email_verified'] === false) throw new Error('the e-mail address is not verified');
    const prefix = usernamePrefix ?? (usernameClaim === 'email' ? '' : `${issuerUrl}#`);
    const groups = groupsClaim === undefined ? [] : [payload[groupsClaim] ?? []].flat().map((one) => `${groupsPrefix}${textOf(one)}`);
    return { name: `${prefix === '-' ? '' : prefix}${name}`, groups: [...groups, 'system:authenticated'] };
  }

  #jwks(): Promise<JSONWebKeySet> {
    this.#keys ??= this.#read().catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return this.#keys;
  }

  async #read(): Promise<JSONWebKeySet> {
    this.#readAt = Date.now();
    const document = (await this.#get(`${this.#options.issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)) as {
      readonly issuer?: string;
      readonly jwks_uri?: string;
    };
    if (document.issuer !== this.#options.issuerUrl) throw new Error(`the provider calls itself ${document.issuer}`);
    return (await this.#get(document.jwks_uri ?? '')) as JSONWebKeySet;
  }

  async #get(url: string): Promise<unknown> {
    const outgoing = request(url, { ca: this.#options.ca, agent: false, signal: AbortSignal.timeout(limitMs) });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    const text = Buffer.concat(await answer.toArray()).toString('utf8');
    if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}`);
    return JSON.parse(text);
  }
}
