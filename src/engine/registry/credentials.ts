/** What a client sends along for a registry (`X-Registry-Auth`, `POST /auth`). */
export type Credentials =
  | { readonly username: string; readonly password: string }
  /** OAuth 2 refresh token of an earlier login. */
  | { readonly username?: string; readonly identityToken: string }
  /** Shown as it is. */
  | { readonly registryToken: string };

export function basicOf(credentials: Credentials | undefined): string | undefined {
  if (!credentials || !('password' in credentials)) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}
