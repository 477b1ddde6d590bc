import { digestOf, hexOf, type Digest } from '../../base/digest.ts';

/**
 * Everything that a step's result depends on, and nothing else: the cache key is its digest, and `davit build why`
 * compares it with that of the build before.
 */
export interface StepInputs {
  /** Image of the state before; undefined before FROM and after FROM scratch. */
  readonly parent: Digest | undefined;
  /** The instruction as it is carried out, variables replaced. */
  readonly does: string;
  /** Of FROM: the image's name and ID. */
  readonly base?: { readonly name: string; readonly id: Digest | undefined };
  /** Of RUN: what its environment has from ARG. Of others: the variables that the instruction names. */
  readonly arguments?: Readonly<Record<string, string>>;
  /** Of ENV: what it sets. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly network?: string;
  /** By target. */
  readonly mounts?: Readonly<Record<string, MountInput>>;
  /** Of COPY and ADD: the digest of the list of files (file-list.ts). */
  readonly files?: Digest;
  /** Seconds since 1970 that times are cut to. */
  readonly epoch?: number;
}

export interface MountInput {
  readonly spec: string;
  /** Digest of the list of files that a bind mount shows. */
  readonly files?: Digest;
}

/** Same parent, same step, same content: same key. Hex. */
export function cacheKey(inputs: StepInputs): string {
  return hexOf(digestOf(JSON.stringify(sorted(inputs))));
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]));
}
