import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { User } from '../access/user.ts';

/** What stays on this leg of the way, and everything by which a client could say who it is. */
const dropped = new Set([
  'host',
  'authorization',
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a header, by its lower-case name, goes along. */
export function isForwarded(name: string): boolean {
  return !dropped.has(name) && !name.startsWith(':') && !name.startsWith('x-remote-') && !name.startsWith('impersonate-');
}

/** The headers that are passed on in either direction. */
export function forwarded(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name, value]) => isForwarded(name) && value !== undefined));
}

/** Who asks, as the requestheader authenticator of the server behind reads it. */
export function remoteUserHeaders({ name, uid, groups, extra = {} }: User): OutgoingHttpHeaders {
  return {
    'X-Remote-User': encoded(name),
    ...(uid && { 'X-Remote-Uid': encoded(uid) }),
    ...(groups.length > 0 && { 'X-Remote-Group': groups.map(encoded) }),
    ...Object.fromEntries(Object.entries(extra).map(([key, values]) => [`X-Remote-Extra-${escaped(key)}`, values.map(encoded)])),
  };
}

/** A header holds bytes: anything beyond ASCII goes as UTF-8. */
function encoded(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1');
}

/** Keys of extra may hold what a header's name may not: `example.org/a` → `example.org%2fa`. */
function escaped(key: string): string {
  return [...Buffer.from(key, 'utf8')]
    .map((byte) => {
      const mark = String.fromCharCode(byte);
      return /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(mark) && byte < 128 ? mark : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    })
    .join('');
}
