import { pathsOf, type Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { seconds } from './build/step-names.ts';
import { dockerRequest } from './docker-request.ts';
import { paint } from './paint.ts';
import { table } from './table.ts';

interface Report {
  readonly build: {
    readonly id: string;
    readonly startedAt: string;
    readonly milliseconds: number;
    readonly image?: string;
    readonly names: readonly string[];
    readonly error?: string;
  };
  readonly comparedWith?: string;
  readonly steps: readonly {
    readonly number: number;
    readonly stageName?: string;
    readonly line: number;
    readonly text: string;
    readonly outcome: 'hit' | 'miss' | 'failed';
    readonly milliseconds: number;
    readonly causes: readonly { readonly input: string; readonly change: string }[];
  }[];
}

/** `davit build why [TAG|last]`: which steps came from the cache, and what changed for those that did not. */
export async function buildWhy(reference: string, flags: Partial<Config>, output: 'text' | 'json'): Promise<void> {
  const { dockerSocket } = pathsOf(machineConfig(flags));
  const answer = await dockerRequest(dockerSocket, 'GET', `/davit/build/why?reference=${encodeURIComponent(reference)}`);
  const report = JSON.parse(answer) as Report;
  process.stdout.write(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : whyText(report));
}

/** Widest text of an instruction in the table. */
const widest = 60;

export function whyText({ build, comparedWith, steps }: Report): string {
  const rows = steps.flatMap(({ number, stageName, line, text, outcome, milliseconds, causes }) => {
    const [first, ...more] = causes.map(({ input, change }) =>
      input === 'parent' || input === 'cache' || input === 'first build' ? change : `${input} ${change}`,
    );
    const shown = text.split('\n')[0] ?? '';
    const cut = shown.length > widest ? `${shown.slice(0, widest - 1)}…` : shown;
    const time = outcome === 'hit' ? '' : seconds(milliseconds);
    return [
      [String(number), stageName ?? '', String(line), cut, outcome, time, first ?? ''],
      ...more.map((each) => ['', '', '', '', '', '', each]),
    ];
  });
  const names = build.names.map((name) => name.replace(/^docker\.io\/(?:library\/)?/, '')).join(', ');
  const what = [`build ${build.id}`, names, build.startedAt, seconds(build.milliseconds)].filter(Boolean).join(', ');
  const against = comparedWith === undefined ? 'no earlier build to compare with' : `compared with build ${comparedWith}`;
  const error = build.error === undefined ? '' : `${paint('red', 'failed:', process.stdout)} ${build.error}\n`;
  return `${what}; ${against}\n${error}${table([['STEP', 'STAGE', 'LINE', 'INSTRUCTION', 'CACHE', 'TIME', 'WHY'], ...rows])}`;
}
