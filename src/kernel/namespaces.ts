export type NamespaceKind = 'net' | 'ipc' | 'uts';

/** Namespaces without a process: each is kept alive by a bind mount on a file (as `ip netns` does). */
export interface Namespaces {
  /** Makes new namespaces, one per entry, pinned at the given absolute paths (files are created). All or nothing. `net` gets its loopback up. */
  create(
    pins: Readonly<Partial<Record<NamespaceKind, string>>>,
    options?: { readonly hostname?: string; readonly sysctls?: Readonly<Record<string, string>> },
  ): void;
  /** Unpins and removes the file; succeeds when there is none. */
  remove(path: string): void;
  /** Runs a synchronous function with this thread inside a network namespace. A socket made inside stays there for good. */
  inNetwork<T>(path: string, run: () => T): T;
  /** Whether the path pins a live namespace. */
  exists(path: string): boolean;
}
