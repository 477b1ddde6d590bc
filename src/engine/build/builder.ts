import type { Duplex, Readable } from 'node:stream';
import type { Digest } from '../../base/digest.ts';
import type { HealthConfig, RunConfig } from '../../api/oci/image.ts';
import type { ResolvedMount, ResourceLimits, Ulimit } from '../containers/container.ts';
import type { BuildReport } from './build-record.ts';
import type { CacheUsage, PrunedCache, PruneRules } from './cache-usage.ts';
import type { BuildEvent } from './events.ts';
import type { PathExplanation } from './explain-path.ts';
import type { CheckReport } from './run-checks.ts';

/** `docker build` and `davit build`: a context and a Dockerfile in, an image and its cached steps out. */
export interface Builder {
  /** The last item is the image. Throws with file, line, column and the line itself. */
  build(request: BuildRequest, signal: AbortSignal): AsyncIterable<BuildOutput>;
  /** The newest build (`last`) or the newest one that made this name or image: each step with why it was built again. */
  why(reference: string): Promise<BuildReport>;
  /** Which layer and step of an image last wrote a path, and what that hides. */
  explain(reference: string, path: string): Promise<PathExplanation>;
  /** Forgets cached steps and cache mounts. */
  prune(rules: PruneRules): Promise<PrunedCache>;
  /** What is cached: steps by the layer they made, and the folders of `RUN --mount=type=cache`. */
  usage(): Promise<readonly CacheUsage[]>;
}

export interface BuildRequest {
  /** A tar, plain or compressed; ignored with `remote`. */
  readonly context: Readable;
  /** Nothing comes by `context`: the Dockerfile is all there is. */
  readonly hasNoContext?: boolean;
  /** A Dockerfile that is not in the context, and the ignore file beside it. */
  readonly inline?: { readonly dockerfile: string; readonly ignore: string | undefined };
  /** Git URL, or URL of a tar or of a Dockerfile. */
  readonly remote?: string;
  /** Path inside the context; default `Dockerfile`. */
  readonly dockerfile?: string;
  readonly names: readonly string[];
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string | undefined>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** Names of stages whose steps are run again. */
  readonly noCacheStages?: readonly string[];
  readonly pull: boolean;
  readonly network?: string;
  readonly extraHosts?: readonly string[];
  readonly limits?: ResourceLimits;
  readonly ulimits?: readonly Ulimit[];
  readonly shmBytes?: number;
  readonly platform?: string;
  readonly quiet?: boolean;
  /** Nothing is built: the build checks say what they find. */
  readonly check?: boolean;
  /** Images whose steps count as cached ones. */
  readonly cacheFrom?: readonly string[];
  /** `--build-context NAME=…`. */
  readonly contexts?: Readonly<Record<string, NamedContext>>;
  readonly secrets?: Readonly<Record<string, Uint8Array>>;
  /** By ID: opens a connection to the client's agent. */
  readonly agents?: Readonly<Record<string, () => Promise<Duplex>>>;
}

/** What a name in FROM and `--from` stands for besides stages and images. */
export type NamedContext = { readonly tar: Readable } | { readonly image: string } | { readonly remote: string };

export type BuildOutput =
  /** As the classic builder prints it: `Step 1/4 : FROM …`, ` ---> 1a2b…`. */
  { readonly stream: string } | { readonly event: BuildEvent } | { readonly imageId: Digest } | { readonly checked: CheckReport };

/** How a RUN step runs; the containers' room implements it. One temporary container per step, on the bridge network unless told otherwise, removed also on failure. */
export interface StepRunner {
  run(step: BuildStep, output: (stream: 'stdout' | 'stderr', data: Buffer) => void, signal: AbortSignal): Promise<StepResult>;
}

export interface BuildStep {
  /** ID for the temporary container, as it is shown to the user: 64 hex digits. */
  readonly id: string;
  /** Diff IDs, lowest first. */
  readonly layers: readonly Digest[];
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly hostname?: string;
  readonly network: string;
  readonly extraHosts: readonly string[];
  readonly limits: ResourceLimits;
  readonly ulimits?: readonly Ulimit[];
  readonly shmBytes: number | undefined;
  /** Places that the runtime makes for them do not stay in the layer. */
  readonly mounts?: readonly ResolvedMount[];
  /** Seconds since 1970: newer files of the layer get this time. */
  readonly newest?: number;
  readonly healthcheck?: HealthConfig;
  readonly config?: RunConfig;
}

export interface StepResult {
  readonly exitCode: number;
  /** The new layer; undefined when the step failed. */
  readonly layer: { readonly diffId: Digest; readonly bytes: number } | undefined;
}
