import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { IssuedToken, TokenClient } from '../../client/client.ts';

interface Wanted {
  readonly audience: string;
  readonly expirationSeconds: number;
}

interface Held extends IssuedToken {
  /** When it is replaced: after four fifths of its life, or a day; ms since the epoch. */
  readonly renewAt: number;
}

const dayMs = 24 * 3_600_000;

/** Tokens of pods' service accounts, asked for when first needed and again before they end. */
export class PodTokens {
  readonly #client: TokenClient | undefined;
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;

  constructor(client: TokenClient | undefined, now: () => number = Date.now) {
    this.#client = client;
    this.#now = now;
  }

  /** By audience, the server's own being ''. */
  async of(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (const wanted of wantedBy(pod)) {
      const token = await this.#token(pod, wanted);
      if (token !== undefined) found.set(wanted.audience, token);
    }
    return found;
  }

  forget(uid: string): void {
    for (const key of this.#held.keys()) if (key.startsWith(`${uid} `)) this.#held.delete(key);
  }

  async #token(pod: Pod, { audience, expirationSeconds }: Wanted): Promise<string | undefined> {
    if (!this.#client) return undefined;
    const { namespace = '', name = '', uid = '' } = pod.metadata;
    const key = `${uid} ${expirationSeconds} ${audience}`;
    const known = this.#held.get(key);
    if (known && known.renewAt > this.#now()) return known.token;
    const issued = await this.#client.requestToken(
      { namespace, name: pod.spec?.serviceAccountName ?? 'default' },
      {
        audiences: audience === '' ? [] : [audience],
        expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    );
    const life = Date.parse(issued.expirationTimestamp) - this.#now();
    this.#held.set(key, { ...issued, renewAt: this.#now() + Math.min(life * 0.8, dayMs) });
    return issued.token;
  }
}

function wantedBy(pod: Pod): readonly Wanted[] {
  const sources = (pod.spec?.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  return sources.flatMap(({ serviceAccountToken: one }) =>
    one ? [{ audience: one.audience ?? '', expirationSeconds: one.expirationSeconds ?? 3600 }] : [],
  );
}
