import { anyOf, flagOf, labelsMatch, type Filters } from '../api/docker/filters.ts';
import { KindError } from '../base/errors.ts';
import type { Image } from '../engine/images/images.ts';

export const imageFilters = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'];

export interface ImageListOptions {
  readonly all: boolean;
  readonly filters: Filters;
  readonly until: Date | undefined;
}

/** Which rows `docker images` shows, newest first; steps of a build only with `all`. */
export function selectImages(images: readonly Image[], { all, filters, until }: ImageListOptions): readonly Image[] {
  const parents = new Set(images.map((image) => image.parent));
  const dangling = flagOf(filters, 'dangling');
  const before = boundary(images, filters, 'before');
  const since = boundary(images, filters, 'since');
  const selected = images.filter((image) => {
    const isNameless = image.names.length === 0 && image.digests.length === 0;
    if (!all && isNameless && parents.has(image.id)) return false;
    if (dangling !== undefined && dangling !== (image.names.length === 0)) return false;
    if (before !== undefined && createdAt(image) >= before) return false;
    if (since !== undefined && createdAt(image) <= since) return false;
    if (until !== undefined && createdAt(image) >= until.getTime()) return false;
    return labelsMatch(filters, image.config.config.Labels ?? {});
  });
  return selected.flatMap((image) => byReference(image, filters)).toSorted((a, b) => createdAt(b) - createdAt(a));
}

/** Of an image with several names those that were asked for are shown, as dockerd has it. */
function byReference(image: Image, filters: Filters): readonly Image[] {
  if (!filters.has('reference')) return [image];
  const wanted = (name: string): boolean => anyOf(filters, 'reference', (pattern) => nameMatches(pattern, name));
  const [names, digests] = [
    image.names.filter(wanted),
    image.digests.filter((digest) => wanted(digest) || wanted(digest.replace(/@.*$/, ''))),
  ];
  return names.length + digests.length > 0 ? [{ ...image, names, digests }] : [];
}

/** `alpine`, `alpine:3*`, `*`, `localhost:5000/*`: a star does not cross a slash. */
export function nameMatches(pattern: string, name: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, String.raw`\$&`)
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  const regexp = new RegExp(`^${source}$`);
  return regexp.test(name) || regexp.test(name.replace(/:[^:/]*$/, ''));
}

function createdAt(image: Image): number {
  return Date.parse(image.config.created ?? '') || 0;
}

function boundary(images: readonly Image[], filters: Filters, name: 'before' | 'since'): number | undefined {
  const reference = filters.get(name)?.[0];
  if (reference === undefined) return undefined;
  const match = images.find(
    (image) =>
      image.names.includes(reference) ||
      image.names.includes(`${reference}:latest`) ||
      image.id.replace('sha256:', '').startsWith(reference.replace('sha256:', '')),
  );
  if (!match) throw new KindError('notFound', `No such image: ${reference}`);
  return createdAt(match);
}
