import { TLSSocket } from 'node:tls';
import { anonymous, type User } from './user.ts';

const known = new WeakMap<TLSSocket, User>();

/** From the client certificate: common name = user, organisations = groups. Only certificates of our own authority count. */
export function userOf(socket: unknown): User {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return anonymous;
  const before = known.get(socket);
  if (before) return before;
  const subject = socket.getPeerCertificate().subject as { readonly CN?: string; readonly O?: string | readonly string[] } | undefined;
  if (!subject?.CN) return anonymous;
  const user = { name: subject.CN, groups: [...[subject.O ?? []].flat(), 'system:authenticated'] };
  known.set(socket, user);
  return user;
}
