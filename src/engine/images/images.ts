import type { Readable } from 'node:stream';
import type { Digest } from '../../base/digest.ts';
import type { HistoryEntry, ImageConfig, RunConfig } from '../../api/oci/image.ts';
import type { Ledger, Owners } from '../gc/ledger.ts';
import type { Credentials } from '../registry/credentials.ts';
import type { RemoteImage } from '../registry/distribution.ts';

/** References are what users type: `alpine`, `alpine:3.20`, `localhost:5000/a/b@sha256:…`, an image ID or a unique prefix of one. */
export interface Images {
  list(): Promise<readonly Image[]>;
  /** `notFound`: `No such image: x:latest`. */
  get(reference: string): Promise<Image>;
  tag(source: string, target: string): Promise<void>;
  /** Docker's rules: untag, delete when the last name goes; `conflict` while a container uses it, unless forced. */
  remove(reference: string, options: { readonly force: boolean; readonly noPrune: boolean }): Promise<readonly ImageRemoval[]>;
  history(reference: string): Promise<readonly ImageHistory[]>;
  /** `docker import`: one layer from a tar stream (plain, gzip, zstd). */
  import(tar: Readable, options: ImportOptions, signal?: AbortSignal): Promise<Image>;
  /** Docker archive and OCI layout in one tar, as dockerd 25+ writes. Each piece is good until the next is asked for. */
  save(references: readonly string[], signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Docker archive or OCI layout. Yields `Loaded image: x:y` lines. */
  load(tar: Readable, signal?: AbortSignal): AsyncIterable<string>;
  /** Downloads from a registry; yields progress in the Docker client's form. */
  pull(reference: string, options: PullOptions, signal?: AbortSignal): AsyncIterable<PullProgress>;
  /** Uploads to a registry; yields progress in the Docker client's form. */
  push(reference: string, options: PushOptions, signal?: AbortSignal): AsyncIterable<PushProgress>;
  /** Whether a registry takes the credentials; `unauthorized` when it does not. */
  login(address: string, credentials: Credentials, signal: AbortSignal): Promise<void>;
  /** What a registry has under a name, without pulling it. */
  inspectRemote(reference: string, credentials: Credentials | undefined, signal: AbortSignal): Promise<RemoteImage>;
  /** Adds an image made of layers that are already present (build, commit). Repeating it is harmless. */
  create(config: ImageConfig, options?: { readonly names?: readonly string[]; readonly parent?: Digest }): Promise<Image>;
  /** Bytes of files in all layers, each layer once. */
  layerBytes(): Promise<number>;
  /** Whose every byte in the data directory is; containers and volumes are given by name. */
  ledger(others: Pick<Owners, 'containers' | 'volumes'>): Promise<Ledger>;
  /** Told by the containers' room which images are in use, so that `remove` and prune can refuse. */
  setUsers(users: (id: Digest) => Promise<readonly ImageUser[]>): void;
  /** Dangling images or all that no container uses, of these those that match. */
  prune(options: { readonly all: boolean; readonly matches?: (config: ImageConfig) => boolean }): Promise<PrunedImages>;
  /** Bytes of files by chain ID of the layers of a stack, lowest first. */
  layersOf(image: Image): Promise<readonly { readonly chainId: Digest; readonly bytes: number }[]>;
}

export interface Image {
  readonly id: Digest;
  /** Familiar form, `nginx:1.27`; empty for a dangling image. */
  readonly names: readonly string[];
  /** `nginx@sha256:…`. */
  readonly digests: readonly string[];
  readonly config: ImageConfig;
  /** Uncompressed bytes of all layers. */
  readonly bytes: number;
  readonly parent: Digest | undefined;
  readonly taggedAt: Date | undefined;
}

export interface PrunedImages {
  readonly removals: readonly ImageRemoval[];
  /** Freed, of files. */
  readonly bytes: number;
}

/** `deleted`: an image or a layer. */
export type ImageRemoval = { readonly untagged: string } | { readonly deleted: string };

export interface ImageHistory extends HistoryEntry {
  /** Undefined where no image of that step is kept: shown as `<missing>`. */
  readonly id: Digest | undefined;
  readonly bytes: number;
  readonly names: readonly string[];
}

export interface ImportOptions {
  readonly reference?: string;
  readonly message?: string;
  /** Dockerfile instructions: `CMD ["sh"]`. */
  readonly changes?: readonly string[];
  readonly config?: RunConfig;
}

export interface PullOptions {
  readonly platform?: string;
  readonly credentials?: Credentials;
  /** Every tag of the repository. */
  readonly allTags?: boolean;
}

export interface PushOptions {
  readonly credentials?: Credentials;
  readonly allTags?: boolean;
}

export interface PullProgress {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

export interface PushProgress extends PullProgress {
  /** What was pushed, for programs. */
  readonly aux?: { readonly Tag: string; readonly Digest: Digest; readonly Size: number };
}

export interface ImageUser {
  readonly containerId: string;
  readonly isRunning: boolean;
}
