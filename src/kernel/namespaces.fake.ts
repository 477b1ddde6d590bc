import { KindError } from '../base/errors.ts';
import type { FakeNetworks } from './links.fake.ts';
import type { NamespaceKind, Namespaces } from './namespaces.ts';

export interface FakeNamespaces extends Namespaces {
  /** What every pin was created with. */
  readonly pins: ReadonlyMap<
    string,
    { readonly kind: NamespaceKind; readonly hostname?: string; readonly sysctls: Readonly<Record<string, string>> }
  >;
}

export function fakeNamespaces(networks: FakeNetworks): FakeNamespaces {
  const pins = new Map<
    string,
    { readonly kind: NamespaceKind; readonly hostname?: string; readonly sysctls: Readonly<Record<string, string>> }
  >();
  return {
    pins,

    create(request, options = {}) {
      const entries = Object.entries(request) as [NamespaceKind, string][];
      for (const [, path] of entries) if (pins.has(path)) throw new KindError('alreadyExists', `create namespaces: ${path} exists`);
      for (const [kind, path] of entries) {
        pins.set(path, { kind, sysctls: options.sysctls ?? {}, ...(options.hostname === undefined ? {} : { hostname: options.hostname }) });
        if (kind === 'net') networks.open(path);
      }
    },

    remove(path) {
      if (pins.get(path)?.kind === 'net') networks.close(path);
      pins.delete(path);
    },

    inNetwork(path, run) {
      if (pins.get(path)?.kind !== 'net') throw new KindError('notFound', `no network namespace at ${path}`);
      return run();
    },

    exists: (path) => pins.has(path),
  };
}
