import type { Digest } from '../../base/digest.ts';
import type { CheckReport } from './run-checks.ts';

/** One line of a build's plan. */
export interface PlannedStep {
  /** 1-based, over all stages that are built. */
  readonly number: number;
  /** Index of the stage in the file; undefined for ARG before the first FROM. */
  readonly stage: number | undefined;
  /** `compile`, or undefined. */
  readonly stageName: string | undefined;
  readonly text: string;
  readonly line: number;
}

/**
 * What happens in a build. Stages run side by side, so events of different steps mix; those of one step come in order:
 *
 *   begin ─► (print | log)* ─► end
 */
export type BuildEvent =
  | { readonly do: 'plan'; readonly steps: readonly PlannedStep[] }
  | { readonly do: 'begin'; readonly step: number }
  /** About the step: pull progress, ` ---> Running in …`. */
  | { readonly do: 'print'; readonly step: number; readonly text: string }
  /** Output of a command. */
  | { readonly do: 'log'; readonly step: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly do: 'end'; readonly step: number; readonly how: 'done' | 'cached' | 'failed'; readonly image?: Digest | undefined }
  /** What the build checks found; the classic builder has none and prints nothing. */
  | { readonly do: 'warn'; readonly report: CheckReport }
  /** About the whole build. */
  | { readonly do: 'say'; readonly text: string };
