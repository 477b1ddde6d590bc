import { KindError } from '../../base/errors.ts';
import type { TarMember } from './read-tar.ts';

export interface Limits {
  /** Members of one archive. */
  readonly entries: number;
  /** Unpacked bytes (holes included) that are always allowed. */
  readonly freeBytes: number;
  /** Unpacked bytes per byte read, beyond that. gzip of zeros comes to 1030. */
  readonly ratio: number;
}

const defaultLimits: Limits = { entries: 1_000_000, freeBytes: 1 << 30, ratio: 2000 };

/** Stops archives that unpack to absurdly more than they are. */
export class Bounds {
  readonly #consumed: () => number;
  readonly #limits: Limits;
  #entries = 0;
  #bytes = 0;
  #tarBytes = 0;

  /** `consumed`: bytes of the archive read so far, as they came (compressed). */
  constructor(consumed: () => number = () => Number.MAX_SAFE_INTEGER, limits: Partial<Limits> = {}) {
    this.#consumed = consumed;
    this.#limits = { ...defaultLimits, ...limits };
  }

  member({ entry, bodySize }: TarMember): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entries)
      throw new KindError('invalid', `the archive has more than ${this.#limits.entries} members, which is the most that is unpacked`);
    // Holes are claimed all at once.
    this.data(entry.type === 'file' ? Math.max(0, entry.size - bodySize) : 0);
  }

  data(bytes: number): void {
    this.#bytes += bytes;
    this.#check(this.#bytes, this.#limits.freeBytes);
  }

  /** Bytes of the tar itself. What comes after the last member is seen by nobody else; members, which have names, are stopped before. */
  tar(bytes: number): void {
    this.#tarBytes += bytes;
    this.#check(this.#tarBytes, 1.25 * this.#limits.freeBytes);
  }

  #check(bytes: number, free: number): void {
    const { ratio } = this.#limits;
    const consumed = this.#consumed();
    if (bytes <= free || bytes <= consumed * ratio) return;
    throw new KindError(
      'invalid',
      `the archive unpacks to more than ${ratio} times its size (${bytes} from ${consumed} bytes): it looks like a bomb`,
    );
  }
}
