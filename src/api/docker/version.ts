import { KindError } from '../../base/errors.ts';

/** The API that davit speaks. A request names its version as `/v1.41/…`, or none and gets the newest. */
export const apiVersion = '1.50';
export const minApiVersion = '1.24';

/** `1.50` → 50. The major version has always been 1. */
export function minorOf(version: string): number {
  return Number(version.slice(version.indexOf('.') + 1));
}

/** `/v1.41/info` → { minor: 41, path: '/info' }. */
export function splitVersion(path: string): { readonly minor: number; readonly path: string } {
  const match = /^\/v(\d+)\.(\d+)(\/.*)$/.exec(path);
  if (match === null) return { minor: minorOf(apiVersion), path };
  const [, major, minorText, rest] = match;
  const minor = Number(minorText);
  const version = `${major}.${minorText}`;
  if (major !== '1' || minor > minorOf(apiVersion)) {
    throw new KindError('invalid', `client version ${version} is too new. Maximum supported API version is ${apiVersion}`);
  }
  if (minor < minorOf(minApiVersion)) {
    throw new KindError(
      'invalid',
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
  return { minor, path: rest ?? '/' };
}
