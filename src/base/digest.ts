import { createHash } from 'node:crypto';
import { KindError } from './errors.ts';

/** Content digest in OCI form: `sha256:` + 64 lower-case hex digits. OCI image spec, descriptor.md §digests. */
export type Digest = `sha256:${string}`;

const pattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new KindError('invalid', `invalid digest "${text}": want sha256: and 64 hex digits`);
}

export function digestOf(data: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The hex part. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
