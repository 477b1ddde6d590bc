import type { Readable } from 'node:stream';
import type { Digest } from '../../base/digest.ts';
import type { HealthConfig, RunConfig } from '../../api/oci/image.ts';
import type { ResourceLimits } from '../containers/container.ts';

/** `docker build`: a tar context and a Dockerfile in, an image and its cached steps out. */
export interface Builder {
  /** Yields output as the classic builder prints it (`Step 1/4 : FROM …`, ` ---> 1a2b…`); the last item is the image. Throws with file, line and the line's text. */
  build(request: BuildRequest, signal: AbortSignal): AsyncIterable<BuildOutput>;
  /** Forgets cached steps; returns bytes freed. */
  prune(): Promise<{ readonly bytes: number }>;
}

export interface BuildRequest {
  readonly context: Readable;
  /** Path inside the context; default `Dockerfile`. */
  readonly dockerfile?: string;
  readonly names: readonly string[];
  readonly target?: string;
  readonly buildArgs: Readonly<Record<string, string | undefined>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly network?: string;
  readonly extraHosts?: readonly string[];
  readonly limits?: ResourceLimits;
  readonly shmBytes?: number;
  readonly platform?: string;
  readonly quiet?: boolean;
}

export type BuildOutput = { readonly stream: string } | { readonly imageId: Digest };

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
  readonly network: string;
  readonly extraHosts: readonly string[];
  readonly limits: ResourceLimits;
  readonly shmBytes: number | undefined;
  readonly healthcheck?: HealthConfig;
  readonly config?: RunConfig;
}

export interface StepResult {
  readonly exitCode: number;
  /** The new layer; undefined when the step failed. */
  readonly layer: { readonly diffId: Digest; readonly bytes: number } | undefined;
}
