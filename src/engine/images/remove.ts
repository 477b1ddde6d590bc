import type { ImageConfig } from '../../api/oci/image.ts';
import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import type { Events } from '../events/events.ts';
import { chainIdsOf } from '../snapshots/layers.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { configOf, type ImageRecord, type ImageTable } from './image-table.ts';
import type { ImageRemoval, ImageUser, PrunedImages } from './images.ts';
import { familiarName, parseReference } from './reference.ts';

interface Conflict {
  readonly isUsed: boolean;
  readonly error: KindError;
}

interface Deletion {
  /** What a stopped container or a name has against it counts for nothing. */
  readonly force: boolean;
  /** Parents that nothing else needs go as well. */
  readonly withParents: boolean;
  /** It was not asked for itself: what stands against it just keeps it. */
  readonly isQuiet: boolean;
}

/** `docker rmi` and `docker image prune`, with dockerd's rules and texts. */
export class Remover {
  readonly #table: ImageTable;
  readonly #snapshots: OverlaySnapshots;
  readonly #users: (id: Digest) => Promise<readonly ImageUser[]>;
  readonly #events: Events;

  constructor(table: ImageTable, snapshots: OverlaySnapshots, users: (id: Digest) => Promise<readonly ImageUser[]>, events: Events) {
    this.#table = table;
    this.#snapshots = snapshots;
    this.#users = users;
    this.#events = events;
  }

  /** A name goes by itself, with the image when it was the last; an ID takes all names along, if they are as good as one. */
  async remove(reference: string, options: { readonly force: boolean; readonly noPrune: boolean }): Promise<readonly ImageRemoval[]> {
    const image = this.#table.resolve(reference);
    const deletion = { force: options.force, withParents: !options.noPrune };
    const removals: ImageRemoval[] = [];
    if (this.#table.isName(reference)) {
      if (!options.force && isSingle(this.#references(image))) await this.#refuseDangling(reference, image);
      removals.push(...(await this.#untag(image, reference)));
      if (this.#references(image).length === 0) await this.#delete(image, { ...deletion, isQuiet: true }, removals);
    } else {
      const isOne = isSingle(this.#references(image));
      const conflict = await this.#conflictOf(image, { force: options.force, countsNames: !isOne });
      if (conflict) throw conflict.error;
      await this.#delete(image, { ...deletion, force: options.force || isOne, isQuiet: false }, removals);
    }
    await this.collect();
    return removals;
  }

  /** Dangling images; `all`: every image that no container uses. */
  async prune(options: { readonly all: boolean; readonly matches?: (config: ImageConfig) => boolean }): Promise<PrunedImages> {
    const removals: ImageRemoval[] = [];
    const wanted = options.matches ?? (() => true);
    for (const { id } of this.#table.list()) {
      const image = this.#table.get(id);
      if (!image || this.#table.childrenOf(id).length > 0 || !wanted(configOf(image))) continue;
      if (!options.all && this.#table.names(id).length > 0) continue;
      if ((await this.#users(id)).length > 0) continue;
      await this.#delete(image, { force: true, withParents: true, isQuiet: true }, removals);
    }
    return { removals, bytes: await this.collect() };
  }

  /** Frees the layers that no image needs any more; returns their bytes. */
  collect(): Promise<number> {
    return this.#snapshots.collect(this.#stacks());
  }

  #stacks(): readonly (readonly Digest[])[] {
    return this.#table.list().map((image) => configOf(image).rootfs.diff_ids);
  }

  /** Canonical names and repository digests. */
  #references({ id }: ImageRecord): readonly string[] {
    return [...this.#table.names(id).map(({ name }) => name), ...(this.#table.get(id)?.digests ?? [])];
  }

  /** With the last name of a repository its digests go. */
  async #untag(image: ImageRecord, reference: string): Promise<readonly ImageRemoval[]> {
    const parsed = parseReference(reference);
    const repository = `${parsed.domain}/${parsed.path}`;
    const gone = parsed.digest === undefined ? `${repository}:${parsed.tag ?? ''}` : `${repository}@${parsed.digest}`;
    const hasOther = this.#table.names(image.id).some(({ name }) => name !== gone && name.startsWith(`${repository}:`));
    const isOf = (digest: string): boolean =>
      digest === gone || (parsed.digest === undefined && !hasOther && digest.startsWith(`${repository}@`));
    return this.#forget(image, [gone, ...image.digests.filter((digest) => digest !== gone && isOf(digest))]);
  }

  async #forget(image: ImageRecord, references: readonly string[]): Promise<readonly ImageRemoval[]> {
    const gone = new Set(references);
    const digests = image.digests.filter((digest) => !gone.has(digest));
    if (digests.length < image.digests.length) await this.#table.put({ ...image, digests }, []);
    await this.#table.untag(references.filter((name) => !name.includes('@')));
    const familiar = references.map((name) => familiarName(parseReference(name)));
    for (const name of familiar) this.#events.publish({ type: 'image', action: 'untag', id: image.id, attributes: { name } });
    return familiar.map((name) => ({ untagged: name }));
  }

  async #delete(image: ImageRecord, { force, withParents, isQuiet }: Deletion, removals: ImageRemoval[]): Promise<void> {
    const conflict = await this.#conflictOf(image, { force, countsNames: !force });
    if (conflict) {
      const isDangling = this.#references(image).length === 0 && this.#table.childrenOf(image.id).length === 0;
      if (isQuiet && (!isDangling || conflict.isUsed)) return;
      throw conflict.error;
    }
    removals.push(...(await this.#forget(image, this.#references(image))));
    await this.#table.delete(image.id);
    this.#events.publish({ type: 'image', action: 'delete', id: image.id, attributes: { name: image.id } });
    removals.push({ deleted: image.id });
    const needed = this.#snapshots.needed(this.#stacks());
    for (const chainId of chainIdsOf(configOf(image).rootfs.diff_ids).toReversed())
      if (!needed.has(chainId)) removals.push({ deleted: chainId });
    const parent = image.parent === undefined || !withParents ? undefined : this.#table.get(image.parent);
    if (parent) await this.#delete(parent, { force: false, withParents: true, isQuiet: true }, removals);
  }

  /** What stands against deleting an image; the first two whatever is forced. */
  async #conflictOf(
    image: ImageRecord,
    { force, countsNames }: { readonly force: boolean; readonly countsNames: boolean },
  ): Promise<Conflict | undefined> {
    const conflict = (how: string, what: string, isUsed: boolean): Conflict => ({
      isUsed,
      error: new KindError('conflict', `conflict: unable to delete ${shortId(image.id)} (${how}) - ${what}`),
    });
    if (this.#table.childrenOf(image.id).length > 0) return conflict('cannot be forced', 'image has dependent child images', false);
    const users = await this.#users(image.id);
    const running = users.find((user) => user.isRunning);
    if (running) return conflict('cannot be forced', `image is being used by running container ${shortId(running.containerId)}`, true);
    if (force) return undefined;
    if (countsNames && this.#references(image).length > 0)
      return conflict('must be forced', 'image is referenced in multiple repositories', false);
    const [stopped] = users;
    return stopped && conflict('must be forced', `image is being used by stopped container ${shortId(stopped.containerId)}`, true);
  }

  /** The last name of an image that a container uses stays, unless forced. */
  async #refuseDangling(reference: string, image: ImageRecord): Promise<void> {
    const [user] = await this.#users(image.id);
    if (!user) return;
    throw new KindError(
      'conflict',
      `conflict: unable to remove repository reference "${familiarName(parseReference(reference))}" (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`,
    );
  }
}

/** Whether references are as good as one: at most one tag, and digests of its repository. */
function isSingle(references: readonly string[]): boolean {
  const tags = references.filter((name) => !name.includes('@'));
  const repositories = new Set(references.map((name) => parseReference(name)).map(({ domain, path }) => `${domain}/${path}`));
  return references.length <= 1 || (tags.length <= 1 && repositories.size === 1);
}
