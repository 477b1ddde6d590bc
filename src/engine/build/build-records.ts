import { hexOf, isDigest, type Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import type { Store, WriteOperation } from '../../store/store.ts';
import { Records } from '../images/records.ts';
import { canonicalName, parseReference } from '../images/reference.ts';
import type { BuildRecord, BuildReport } from './build-record.ts';
import { explainBuild } from './why.ts';

const [recordPrefix, listPrefix] = ['/engine/build-records/', '/engine/build-files/'];

/** Builds that are remembered, and those before them that they are compared with. */
const mostRecords = 50;

/** The newest builds with the inputs of their steps; lists of files are kept once per content. */
export class BuildRecords {
  readonly #store: Store;
  readonly #records: Records<BuildRecord>;

  constructor(store: Store) {
    this.#store = store;
    this.#records = new Records(store, recordPrefix);
  }

  /** Newest first. */
  list(): readonly BuildRecord[] {
    return this.#records.list().toSorted((a, b) => b.startedAt.localeCompare(a.startedAt) || b.id.localeCompare(a.id));
  }

  hasFiles(digest: Digest): boolean {
    return this.files(digest) !== undefined;
  }

  files(digest: Digest): Uint8Array | undefined {
    return this.#store.get(listPrefix + hexOf(digest))?.value;
  }

  /** Adds a build and drops the oldest, with the lists that nothing needs any more: one write. */
  async add(record: BuildRecord, lists: ReadonlyMap<Digest, Uint8Array>): Promise<void> {
    const kept = [record, ...this.list()].slice(0, mostRecords);
    const needed = new Set(kept.flatMap((each) => each.steps.flatMap(filesOf)).map(hexOf));
    const known = this.#store.range(listPrefix).entries.map(({ key }) => key.slice(listPrefix.length));
    const dropped = this.list().filter((each) => !kept.includes(each));
    const operations: WriteOperation[] = [
      this.#records.putting(record.id, record),
      ...[...lists].filter(([digest]) => needed.has(hexOf(digest))).map(([digest, value]) => ({ put: listPrefix + hexOf(digest), value })),
      ...dropped.map(({ id }) => this.#records.deleting(id)),
      ...known.filter((hex) => !needed.has(hex)).map((hex) => ({ delete: listPrefix + hex })),
    ];
    await this.#store.write(operations);
  }

  /** The build that `last`, a name or an image ID means, step by step against the one before of the same kind. */
  report(reference: string): BuildReport {
    const records = this.list();
    const at = reference === 'last' || reference === '' ? 0 : records.findIndex((record) => isOf(record, reference));
    const record = records[at];
    if (!record)
      throw new KindError(
        'notFound',
        records.length === 0 ? 'nothing was built here yet' : `no build of ${reference} is remembered: the last ${mostRecords} are`,
      );
    const before = records.slice(at + 1).find((other) => isAlike(record, other));
    const { steps: _, ...build } = record;
    return { build, comparedWith: before?.id, steps: explainBuild(record, before, (digest) => this.files(digest)) };
  }
}

function filesOf({ inputs }: BuildRecord['steps'][number]): readonly Digest[] {
  const mounts = Object.values(inputs.mounts ?? {}).map(({ files }) => files);
  return [inputs.files, ...mounts].filter((digest) => digest !== undefined);
}

function isOf(record: BuildRecord, reference: string): boolean {
  if (
    record.image !== undefined &&
    (record.image === reference || (/^[0-9a-f]{4,64}$/.test(reference) && hexOf(record.image).startsWith(reference)))
  )
    return true;
  if (isDigest(reference)) return false;
  try {
    return record.names.includes(canonicalName(parseReference(reference)));
  } catch {
    return false;
  }
}

/** Builds of one thing: the same name, or the same Dockerfile and target where no names tell. */
function isAlike(a: BuildRecord, b: BuildRecord): boolean {
  if (a.names.length > 0 && b.names.length > 0) return a.names.some((name) => b.names.includes(name));
  return a.dockerfile === b.dockerfile && a.target === b.target;
}
