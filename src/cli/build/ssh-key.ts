import { createPrivateKey, sign, type JsonWebKey, type KeyObject } from 'node:crypto';
import { KindError } from '../../base/errors.ts';
import { sshInteger, SshReader, sshString } from './ssh-wire.ts';

/** A private key as an agent uses it. */
export interface SshKey {
  /** What the public key's file has in base64. */
  readonly blob: Buffer;
  readonly comment: string;
  /** `flags` of the request: 2 and 4 choose SHA-256 and SHA-512 for RSA. */
  sign(data: Buffer, flags: number): Buffer;
}

/** NIST curves by the name that OpenSSH gives them. */
const curves = [
  { name: 'nistp256', crv: 'P-256', hash: 'sha256' },
  { name: 'nistp384', crv: 'P-384', hash: 'sha384' },
  { name: 'nistp521', crv: 'P-521', hash: 'sha512' },
] as const;

/** The text of a key file: OpenSSH's own form or PEM, without a passphrase. `path` is for errors and the comment. */
export function parseSshKey(text: string, path: string): SshKey {
  if (/^Proc-Type:.*ENCRYPTED|BEGIN ENCRYPTED PRIVATE KEY/m.test(text)) throw encrypted(path);
  const [, own] = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*)-----END OPENSSH PRIVATE KEY-----/.exec(text) ?? [];
  try {
    const { jwk, comment } = own === undefined ? { jwk: undefined, comment: path } : openSshKey(Buffer.from(own, 'base64'), path);
    return sshKey(jwk ? createPrivateKey({ key: jwk, format: 'jwk' }) : createPrivateKey(text), comment || path);
  } catch (error) {
    if (error instanceof KindError) throw error;
    throw new KindError('invalid', `${path}: not a private key: want one of ssh-keygen, RSA, ECDSA or Ed25519`, { cause: error });
  }
}

function encrypted(path: string): KindError {
  return new KindError('invalid', `${path}: the key has a passphrase: add it to an agent (ssh-add ${path}) and give that: --ssh default`);
}

/** https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.key */
function openSshKey(bytes: Buffer, path: string): { readonly jwk: JsonWebKey; readonly comment: string } {
  const magic = 'openssh-key-v1\0';
  if (bytes.toString('latin1', 0, magic.length) !== magic) throw new RangeError('not openssh-key-v1');
  const outer = new SshReader(bytes.subarray(magic.length));
  if (outer.string().toString() !== 'none') throw encrypted(path);
  outer.string();
  outer.string();
  if (outer.number() !== 1) throw new RangeError('more than one key');
  outer.string();
  const inner = new SshReader(outer.string());
  if (inner.number() !== inner.number()) throw new RangeError('the check numbers differ');
  const jwk = privateJwk(inner.string().toString(), inner);
  return { jwk, comment: inner.string().toString() };
}

const base64 = (bytes: Buffer): string => bytes.toString('base64url');

function privateJwk(type: string, reader: SshReader): JsonWebKey {
  if (type === 'ssh-ed25519') {
    const [x, both] = [reader.string(), reader.string()];
    return { kty: 'OKP', crv: 'Ed25519', x: base64(x), d: base64(both.subarray(0, 32)) };
  }
  if (type === 'ssh-rsa') return rsaJwk(Array.from({ length: 6 }, () => reader.string()));
  const curve = curves.find(({ name }) => type === `ecdsa-sha2-${name}`);
  if (!curve) throw new RangeError(`a key of type ${type}`);
  reader.string();
  const [point, d] = [reader.string(), reader.string()];
  const size = (point.length - 1) / 2;
  const padded = Buffer.concat([Buffer.alloc(size), d]).subarray(-size);
  return { kty: 'EC', crv: curve.crv, x: base64(point.subarray(1, 1 + size)), y: base64(point.subarray(1 + size)), d: base64(padded) };
}

function rsaJwk([n = Buffer.alloc(0), e = n, d = n, qi = n, p = n, q = n]: readonly Buffer[]): JsonWebKey {
  const number = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
  const bytes = (value: bigint): Buffer => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  };
  const text = (value: bigint): string => base64(bytes(value));
  const [dp, dq] = [number(d) % (number(p) - 1n), number(d) % (number(q) - 1n)];
  const [first, second] = [text(dp), text(dq)];
  return {
    kty: 'RSA',
    ...Object.fromEntries(Object.entries({ n, e, d, p, q, qi }).map(([name, value]) => [name, text(number(value))])),
    dp: first,
    dq: second,
  };
}

function sshKey(key: KeyObject, comment: string): SshKey {
  const { kty, crv, x = '', y = '', n = '', e = '' } = key.export({ format: 'jwk' });
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  if (kty === 'RSA') {
    const blob = Buffer.concat([sshString('ssh-rsa'), sshInteger(bytes(e)), sshInteger(bytes(n))]);
    return { blob, comment, sign: (data, flags) => rsaSignature(key, data, flags) };
  }
  if (kty === 'OKP' && crv === 'Ed25519') {
    const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(bytes(x))]);
    return { blob, comment, sign: (data) => signature('ssh-ed25519', sign(null, data, key)) };
  }
  const curve = curves.find((one) => one.crv === crv);
  if (!curve) throw new RangeError(`a key of type ${kty}`);
  const type = `ecdsa-sha2-${curve.name}`;
  const point = Buffer.concat([Buffer.from([4]), bytes(x), bytes(y)]);
  const blob = Buffer.concat([sshString(type), sshString(curve.name), sshString(point)]);
  return {
    blob,
    comment,
    sign: (data) => {
      const both = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
      const half = both.length / 2;
      return signature(type, Buffer.concat([sshInteger(both.subarray(0, half)), sshInteger(both.subarray(half))]));
    },
  };
}

function rsaSignature(key: KeyObject, data: Buffer, flags: number): Buffer {
  if (flags & 4) return signature('rsa-sha2-512', sign('sha512', data, key));
  if (flags & 2) return signature('rsa-sha2-256', sign('sha256', data, key));
  return signature('ssh-rsa', sign('sha1', data, key));
}

function signature(type: string, bytes: Buffer): Buffer {
  return Buffer.concat([sshString(type), sshString(bytes)]);
}
