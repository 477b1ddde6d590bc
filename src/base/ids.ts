import { randomBytes, randomUUID } from 'node:crypto';

/** 64 hex digits, as Docker names containers, networks and execs. */
export function newId(): string {
  return randomBytes(32).toString('hex');
}

/** The 12 digits that Docker prints. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

export function newUid(): string {
  return randomUUID();
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Random suffix without vowels, as Kubernetes' generateName uses (k8s.io/apimachinery util/rand). */
export function randomSuffix(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}
