import { KindError, messageOf } from '../../base/errors.ts';
import type { Credentials } from '../../engine/registry/credentials.ts';

/** What clients send of their configuration, in `X-Registry-Auth` and `POST /auth`. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  /** Base64 of `username:password`, in place of the two. */
  readonly auth?: string;
  readonly serveraddress?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** Base64url of an auth config; clients without a login send an empty object or nothing. */
export function parseRegistryAuth(header: string | readonly string[] | undefined): Credentials | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return credentialsOf(JSON.parse(Buffer.from(header, 'base64url').toString()) as AuthConfig);
  } catch (error) {
    throw new KindError('invalid', `invalid X-Registry-Auth header: ${messageOf(error)}`, { cause: error });
  }
}

export function credentialsOf(config: AuthConfig): Credentials | undefined {
  const { username, password, auth, identitytoken, registrytoken } = config;
  if (registrytoken) return { registryToken: registrytoken };
  if (identitytoken) return { username, identityToken: identitytoken };
  if (username && password !== undefined) return { username, password };
  const [, user, secret] = /^([^:]+):(.*)$/s.exec(Buffer.from(auth ?? '', 'base64').toString()) ?? [];
  return user !== undefined && secret !== undefined ? { username: user, password: secret } : undefined;
}
