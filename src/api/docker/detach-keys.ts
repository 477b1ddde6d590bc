import { KindError } from '../../base/errors.ts';

/** `ctrl-p,ctrl-q` → the bytes a terminal sends. Empty: the default, which is just that. */
export function parseDetachKeys(given: string | null | undefined): Uint8Array {
  return Uint8Array.from((given || 'ctrl-p,ctrl-q').split(','), (key) => byteOf(key, given ?? ''));
}

function byteOf(key: string, given: string): number {
  if (key.length === 1) return key.charCodeAt(0);
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1];
  if (control === undefined) throw new KindError('invalid', `Invalid escape keys (${given}) provided`);
  return control.toUpperCase().charCodeAt(0) & 0x1f;
}

/**
 * Watches typed input for the detach sequence. A beginning that may become the sequence is held back
 * until it is told apart: `p` of `p,q` waits for the next byte.
 */
export class DetachFilter {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** What goes on to the process, and whether the user asked to leave. */
  feed(chunk: Uint8Array): { readonly pass: Uint8Array; readonly isDetached: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
      }
      if (byte !== this.#keys[this.#matched]) pass.push(byte);
      else this.#matched += 1;
      if (this.#matched === this.#keys.length) return { pass: Uint8Array.from(pass), isDetached: true };
    }
    return { pass: Uint8Array.from(pass), isDetached: false };
  }
}
