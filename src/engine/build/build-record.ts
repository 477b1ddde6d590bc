import type { Digest } from '../../base/digest.ts';
import type { StepInputs } from './step-inputs.ts';

/** What is kept of a build for `davit build why`. */
export interface BuildRecord {
  readonly id: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly milliseconds: number;
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
  readonly target: string | undefined;
  /** Canonical names that were given. */
  readonly names: readonly string[];
  readonly image: Digest | undefined;
  /** Why it failed; undefined when it did not. */
  readonly error: string | undefined;
  readonly noCache: boolean;
  readonly steps: readonly StepRecord[];
}

export interface StepRecord {
  readonly number: number;
  /** Index of the stage in the file. */
  readonly stage: number;
  readonly stageName: string | undefined;
  readonly line: number;
  /** As it is written. */
  readonly text: string;
  readonly inputs: StepInputs;
  readonly outcome: 'hit' | 'miss' | 'failed';
  readonly image: Digest | undefined;
  readonly milliseconds: number;
}

/** A build, and why each of its steps was or was not built again. */
export interface BuildReport {
  readonly build: Omit<BuildRecord, 'steps'>;
  /** ID of the build that it is compared with. */
  readonly comparedWith: string | undefined;
  readonly steps: readonly StepVerdict[];
}

export interface StepVerdict {
  readonly number: number;
  readonly stageName: string | undefined;
  readonly line: number;
  readonly text: string;
  readonly outcome: 'hit' | 'miss' | 'failed';
  readonly milliseconds: number;
  /** Of a miss; empty of a hit. */
  readonly causes: readonly Cause[];
}

/** Which input changed, and how. */
export interface Cause {
  readonly input:
    | 'first build'
    | 'instruction'
    | 'file'
    | 'argument'
    | 'environment'
    | 'base'
    | 'mount'
    | 'network'
    | 'parent'
    | 'cache'
    | 'epoch';
  /** `src/main.ts: content`, `VERSION: 1 → 2`. */
  readonly change: string;
}
