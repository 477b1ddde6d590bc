import type { Digest } from '../../base/digest.ts';

/** Keeps layers that no image names yet from being swept, for as long as somebody works on them. */
export interface Lease extends Disposable {
  keep(chainId: Digest): void;
}

/** What is in flight: the marks that a sweep adds to those of images and snapshots. Leases die with the process, which is what makes its half-done work garbage. */
export class Leases {
  readonly #held = new Set<ReadonlySet<Digest>>();

  take(): Lease {
    const kept = new Set<Digest>();
    this.#held.add(kept);
    return { keep: (chainId) => void kept.add(chainId), [Symbol.dispose]: () => void this.#held.delete(kept) };
  }

  kept(): ReadonlySet<Digest> {
    return new Set([...this.#held].flatMap((kept) => [...kept]));
  }
}
