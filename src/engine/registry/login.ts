import { KindError } from '../../base/errors.ts';
import type { Credentials } from './credentials.ts';
import type { RegistrySettings } from './endpoints.ts';
import { discard } from './exchange.ts';
import { RegistrySession } from './session.ts';

/** Whether the registry takes these credentials; `unauthorized` when it does not. */
export async function checkLogin(
  address: string,
  credentials: Credentials,
  settings: RegistrySettings,
  signal: AbortSignal,
): Promise<void> {
  using session = await RegistrySession.first(domainOf(address), { settings, purpose: 'push', credentials }, signal);
  const answer = await session.send('/v2/', { method: 'GET' }, [], signal);
  await discard(answer);
  if (answer.status === 200) return;
  throw new KindError('unauthorized', `login attempt to ${session.base}/v2/ failed with status: ${answer.status} ${answer.statusText}`);
}

/** `https://index.docker.io/v1/` and nothing mean Docker Hub; `http://localhost:5000/v2` is `localhost:5000`. */
function domainOf(address: string): string {
  const host = address.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === '' || /^(?:index\.|registry-1\.)?docker\.io$/.test(host) ? 'docker.io' : host;
}
