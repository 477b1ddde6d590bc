import type { Resource } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

/** How objects of one version become what is stored, and back. Identity, names and resourceVersion stay as they are. */
export interface Conversion {
  fromStorage(objects: readonly Body[]): readonly Body[] | Promise<readonly Body[]>;
  toStorage(object: Body): Body | Promise<Body>;
}

const shown = new WeakMap<Resource, WeakMap<Body, Body>>();

/** Stored objects in the version of the resource; each is converted once, however many read it. */
export async function convertedAll(resource: Resource, stored: readonly Body[]): Promise<readonly Body[]> {
  const { conversion } = resource;
  if (!conversion) return stored;
  const known = shown.get(resource) ?? new WeakMap<Body, Body>();
  shown.set(resource, known);
  const missing = stored.filter((one) => !known.has(one));
  const made = missing.length > 0 ? await conversion.fromStorage(missing) : [];
  for (const [index, one] of missing.entries()) known.set(one, made[index] as Body);
  return stored.map((one) => known.get(one) as Body);
}

export async function converted(resource: Resource, stored: Body): Promise<Body> {
  if (!resource.conversion) return stored;
  const [object] = await convertedAll(resource, [stored]);
  return object as Body;
}

export async function forStorage(resource: Resource, object: Body): Promise<Body> {
  return resource.conversion ? resource.conversion.toStorage(object) : object;
}
