import { apiServices } from '../../../api/kubernetes/kinds.ts';
import type { APIService } from '../../../api/kubernetes/types.generated.ts';
import type { RemoteVersion } from '../discovery/merged.ts';
import { equal } from '../json.ts';
import type { SecondDocument } from '../openapi/second-document.ts';
import { objectAt } from '../registry/codec.ts';
import { keyOf, prefixOf } from '../registry/keys.ts';
import type { Registry } from '../registry/registry.ts';
import { isAvailable } from './availability.ts';
import { Backends, isRemote, type FrontProxy, type RemoteService } from './backend.ts';
import type { RemoteDiscovery } from './remote-discovery.ts';

/** Which group versions other servers answer. Read from the store at every request: what an APIService says counts at once. */
export class Aggregator implements Disposable {
  readonly registry: Registry;
  readonly backends: Backends;
  readonly #discovered = new Map<string, RemoteDiscovery>();
  #generation = 0;

  constructor(registry: Registry, frontProxy: FrontProxy) {
    this.registry = registry;
    this.backends = new Backends(registry.store, frontProxy);
  }

  get(name: string): APIService | undefined {
    const entry = this.registry.store.get(keyOf(apiServices, undefined, name));
    return entry && (objectAt(entry) as unknown as APIService);
  }

  /** The other server that a path belongs to: `/apis/<group>/<version>` and everything below. */
  remoteAt(path: string): RemoteService | undefined {
    const [, group, version] = /^\/apis\/([^/]+)\/([^/]+)/.exec(path) ?? [];
    const found = group === undefined ? undefined : this.get(`${version}.${group}`);
    return found && isRemote(found) ? found : undefined;
  }

  remotes(): readonly RemoteService[] {
    const { entries } = this.registry.store.range(prefixOf(apiServices));
    return entries.map((entry) => objectAt(entry) as unknown as APIService).filter(isRemote);
  }

  /** As discovery shows them; what a server served last stays there, marked as stale, while it cannot be reached. */
  versions(): readonly RemoteVersion[] {
    return this.remotes().map((service) => {
      const { group = '', version = '', groupPriorityMinimum, versionPriority } = service.spec;
      const known = this.#discovered.get(service.metadata.name ?? '');
      const isCurrent = known !== undefined && isAvailable(service);
      return { group, version, groupPriorityMinimum, versionPriority, resources: known?.resources ?? [], isCurrent };
    });
  }

  /** Where each of their OpenAPI v3 documents is, by `apis/<group>/<version>`. */
  openapiUrls(): Readonly<Record<string, string>> {
    const found = this.remotes().flatMap(({ metadata, spec }) => {
      const url = this.#discovered.get(metadata.name ?? '')?.openapiUrl;
      return url === undefined ? [] : [[`apis/${spec.group}/${spec.version}`, url] as const];
    });
    return Object.fromEntries(found);
  }

  openapiSecond(): readonly SecondDocument[] {
    return [...this.#discovered.values()].flatMap(({ openapiSecond }) => openapiSecond ?? []);
  }

  /** Changes whenever what other servers serve does. */
  get generation(): number {
    return this.#generation;
  }

  discovered(name: string, discovery: RemoteDiscovery): void {
    if (equal(this.#discovered.get(name), discovery)) return;
    this.#discovered.set(name, discovery);
    this.#generation += 1;
  }

  forget(name: string): void {
    if (this.#discovered.delete(name)) this.#generation += 1;
    this.backends.forget(name);
  }

  [Symbol.dispose](): void {
    this.backends[Symbol.dispose]();
  }
}
