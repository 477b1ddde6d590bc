import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import type { Events } from '../events/events.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { configOf, type ImageRecord, type ImageTable } from './image-table.ts';
import type { ImageRemoval, ImageUser } from './images.ts';
import { familiarName, parseReference } from './reference.ts';

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

  async remove(reference: string, options: { readonly force: boolean; readonly noPrune: boolean }): Promise<readonly ImageRemoval[]> {
    const image = this.#table.resolve(reference);
    const names = this.#table.names(image.id);
    const removals: ImageRemoval[] = [];
    if (this.#table.isName(reference)) {
      const canonical = this.#nameOf(reference, image);
      const isLast = names.every((name) => name.name === canonical);
      if (isLast) await this.#refuseIfUsed(reference, image, options.force);
      removals.push(await this.#untag(image, canonical));
      if (!isLast || this.#table.childrenOf(image.id).length > 0) return removals;
    } else {
      const repositories = new Set(names.map((name) => parseReference(name.name)).map((parsed) => `${parsed.domain}/${parsed.path}`));
      if (repositories.size > 1 && !options.force) {
        throw new KindError(
          'conflict',
          `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is referenced in multiple repositories`,
        );
      }
      await this.#refuseIfUsed(image.id, image, options.force);
      this.#refuseIfParent(image);
      for (const name of names) removals.push(await this.#untag(image, name.name));
    }
    removals.push(...(await this.#delete(image, options.noPrune)));
    await this.collect();
    return removals;
  }

  /** Dangling images; `all`: every image that no container uses. */
  async prune(options: { readonly all: boolean }): Promise<readonly ImageRemoval[]> {
    const removals: ImageRemoval[] = [];
    for (const image of this.#table.list()) {
      if (!this.#table.get(image.id) || this.#table.childrenOf(image.id).length > 0) continue;
      const names = this.#table.names(image.id);
      if ((names.length > 0 && !options.all) || (await this.#users(image.id)).length > 0) continue;
      for (const name of names) removals.push(await this.#untag(image, name.name));
      removals.push(...(await this.#delete(image, false)));
    }
    await this.collect();
    return removals;
  }

  /** Frees the layers that no image needs any more. */
  collect(): Promise<number> {
    return this.#snapshots.collect(this.#table.list().map((image) => configOf(image).rootfs.diff_ids));
  }

  #nameOf(reference: string, image: ImageRecord): string {
    const parsed = parseReference(reference);
    const names = this.#table.names(image.id).map((name) => name.name);
    const tagged = `${parsed.domain}/${parsed.path}:${parsed.tag ?? ''}`;
    if (names.includes(tagged)) return tagged;
    // By digest: the name of the same repository goes.
    return names.find((name) => name.startsWith(`${parsed.domain}/${parsed.path}:`)) ?? tagged;
  }

  async #untag(image: ImageRecord, canonical: string): Promise<ImageRemoval> {
    await this.#table.untag([canonical]);
    const familiar = familiarName(parseReference(canonical));
    this.#events.publish({ type: 'image', action: 'untag', id: image.id, attributes: { name: familiar } });
    return { untagged: familiar };
  }

  /** The image and, unless kept, the nameless parents that only it needed. */
  async #delete(image: ImageRecord, noPrune: boolean): Promise<readonly ImageRemoval[]> {
    const removals: ImageRemoval[] = [];
    for (let current: ImageRecord | undefined = image; current;) {
      await this.#table.delete(current.id);
      this.#events.publish({ type: 'image', action: 'delete', id: current.id, attributes: { name: current.id } });
      removals.push({ deleted: current.id });
      const parent: ImageRecord | undefined = current.parent === undefined || noPrune ? undefined : this.#table.get(current.parent);
      const isNeeded: boolean =
        parent !== undefined &&
        (this.#table.names(parent.id).length > 0 ||
          this.#table.childrenOf(parent.id).length > 0 ||
          (await this.#users(parent.id)).length > 0);
      current = isNeeded ? undefined : parent;
    }
    return removals;
  }

  /** A running container always forbids it; a stopped one unless forced. */
  async #refuseIfUsed(reference: string, image: ImageRecord, force: boolean): Promise<void> {
    const users = await this.#users(image.id);
    const running = users.find((user) => user.isRunning);
    const shown = reference === image.id ? shortId(image.id) : familiarName(parseReference(reference));
    const byName = reference !== image.id;
    if (running) {
      const how = byName && !force ? 'must force' : 'cannot be forced';
      if (byName && !force)
        throw new KindError(
          'conflict',
          `conflict: unable to remove repository reference "${shown}" (${how}) - container ${shortId(running.containerId)} is using its referenced image ${shortId(image.id)}`,
        );
      if (!byName)
        throw new KindError(
          'conflict',
          `conflict: unable to delete ${shown} (${how}) - image is being used by running container ${shortId(running.containerId)}`,
        );
      throw new KindError(
        'conflict',
        `conflict: unable to delete ${shortId(image.id)} (${how}) - image is being used by running container ${shortId(running.containerId)}`,
      );
    }
    const stopped = users[0];
    if (!stopped || force) return;
    if (byName)
      throw new KindError(
        'conflict',
        `conflict: unable to remove repository reference "${shown}" (must force) - container ${shortId(stopped.containerId)} is using its referenced image ${shortId(image.id)}`,
      );
    throw new KindError(
      'conflict',
      `conflict: unable to delete ${shown} (must be forced) - image is being used by stopped container ${shortId(stopped.containerId)}`,
    );
  }

  #refuseIfParent(image: ImageRecord): void {
    if (this.#table.childrenOf(image.id).length === 0) return;
    throw new KindError(
      'conflict',
      `conflict: unable to delete ${shortId(image.id)} (cannot be forced) - image has dependent child images`,
    );
  }
}
