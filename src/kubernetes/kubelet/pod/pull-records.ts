import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Image } from '../../../engine/images/images.ts';
import { parseReference } from '../../../engine/images/reference.ts';
import type { PullCredentials } from './pull-secrets.ts';

/** How the kubelet came by an image of a repository: open to everybody, or with one of these credentials (SHA-256). */
interface Access {
  readonly isOpen: boolean;
  readonly credentials: readonly string[];
}

type NamedImage = Pick<Image, 'id' | 'names' | 'digests'>;

/**
 * Who may use an image that is here already: one that a pod's secret was needed for is nothing for a pod without (upstream's
 * KubeletEnsureSecretPulledImages with NeverVerifyPreloadedImages). Outlives the kubelet in a file for root alone.
 */
export class PullRecords {
  readonly #path: string;
  /** By image ID and repository: `sha256:… r.io/team/app`. */
  readonly #known: Map<string, Access>;
  #writing = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
    this.#known = new Map(Object.entries(read(path)));
  }

  /**
   * What got its name otherwise (loaded, built, tagged, pulled by docker) is everybody's. Who names an image by its ID gets none that the
   * kubelet pulled.
   */
  mayUse({ id, names, digests }: NamedImage, repository: string, credentials: readonly PullCredentials[]): boolean {
    const access = this.#known.get(`${id} ${repository}`);
    if (!access) {
      const isNamed = [...names, ...digests].some((name) => repositoryOf(name) === repository);
      return isNamed || !this.#known.keys().some((key) => key.startsWith(`${id} `));
    }
    return access.isOpen || credentials.some((one) => access.credentials.includes(hashOf(one)));
  }

  /** `credentials`: what the registry took; undefined: it wanted none. */
  async pulled(image: string, repository: string, credentials: PullCredentials | undefined): Promise<void> {
    const key = `${image} ${repository}`;
    const before = this.#known.get(key) ?? { isOpen: false, credentials: [] };
    const hashes = credentials ? new Set([...before.credentials, hashOf(credentials)]) : new Set(before.credentials);
    this.#known.set(key, { isOpen: before.isOpen || credentials === undefined, credentials: [...hashes] });
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
    await writeFile(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#known)), { mode: 0o600, flush: true });
    await rename(`${this.#path}.new`, this.#path);
  }
}

/** `docker.io/library/nginx` */
export function repositoryOf(reference: string): string {
  const { domain, path } = parseReference(reference);
  return `${domain}/${path}`;
}

function hashOf({ username, password }: PullCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex');
}

function read(path: string): Readonly<Record<string, Access>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, Access>>;
  } catch {
    return {};
  }
}
