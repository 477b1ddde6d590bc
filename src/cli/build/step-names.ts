import type { CheckReport } from './findings.ts';

/** One step of a build's plan, as davit tells it. */
export interface Step {
  readonly number: number;
  readonly stage?: number;
  readonly stageName?: string;
  readonly text: string;
  readonly line: number;
}

/** What davit tells of a build (engine/build/events.ts). */
export type StepEvent =
  | { readonly do: 'plan'; readonly steps: readonly Step[] }
  | { readonly do: 'begin'; readonly step: number }
  | { readonly do: 'print'; readonly step: number; readonly text: string }
  | { readonly do: 'log'; readonly step: number; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  | { readonly do: 'end'; readonly step: number; readonly how: 'done' | 'cached' | 'failed'; readonly image?: string }
  | { readonly do: 'warn'; readonly report: CheckReport }
  | { readonly do: 'say'; readonly text: string };

/** `[compile 2/4] RUN make`: the place in its stage, and the first line of the text. */
export function stepNames(steps: readonly Step[]): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const stages = Map.groupBy(steps, ({ stage }) => stage);
  for (const [stage, own] of stages) {
    for (const [index, { number, stageName, text }] of own.entries()) {
      const where =
        stage === undefined
          ? ''
          : [stageName ?? (stages.size > 1 ? `stage-${stage}` : ''), `${index + 1}/${own.length}`].filter(Boolean).join(' ');
      names.set(number, `${where === '' ? '' : `[${where}] `}${text.split('\n')[0]?.replaceAll(/\s+/g, ' ') ?? ''}`);
    }
  }
  return names;
}

/** `0.4s`, `12.0s`, `1m05s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)}s`;
  return `${Math.floor(milliseconds / 60_000)}m${String(Math.floor((milliseconds % 60_000) / 1000)).padStart(2, '0')}s`;
}
