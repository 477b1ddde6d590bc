export interface Volumes {
  /** Idempotent by name; no name: an anonymous one with a 64-digit name. */
  create(options: {
    readonly name?: string;
    readonly driver?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly options?: Readonly<Record<string, string>>;
  }): Promise<Volume>;
  get(name: string): Promise<Volume>;
  list(): Promise<readonly Volume[]>;
  /** Of its files, as `docker system df` shows it; -1: of one that is mounted from elsewhere. */
  bytes(name: string): Promise<number>;
  /** `conflict` while a container uses it. */
  remove(name: string, options: { readonly force: boolean }): Promise<void>;
  /** Called for each run of a container: volumes with options are mounted while somebody uses them. */
  mount(name: string, containerId: string): void;
  unmount(name: string, containerId: string): void;
  /** Takes away what an engine that was killed left mounted; after all running containers have called `mount`. */
  sweep(): void;
  /** Those that nobody uses: the anonymous ones, or all. */
  prune(options: {
    readonly all: boolean;
    readonly matches?: (volume: Volume) => boolean;
  }): Promise<{ readonly names: readonly string[]; readonly bytes: number }>;
}

export interface Volume {
  readonly name: string;
  readonly driver: 'local';
  /** Directory on the host: `<dataRoot>/volumes/<name>/_data`. */
  readonly mountpoint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly isAnonymous: boolean;
}
