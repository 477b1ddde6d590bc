import { webServices } from './application.ts';
import { DemoError, messageOf } from './demo-error.ts';
import type { Report } from './progress.ts';

interface Results {
  readonly results: readonly { readonly choice: string; readonly label: string; readonly votes: number }[];
  readonly total: number;
}

const patienceMs = 15_000;

/** Votes over HTTP, and waits until the result page's own event stream counts it. */
export async function castAndRead(report: Report): Promise<string> {
  const signal = AbortSignal.timeout(patienceMs);
  let castAt = 0;
  try {
    report('listening at the result page');
    const stream = await fetch(`${address('result')}/events`, { signal });
    let before: number | undefined;
    let label = '';
    for await (const { results, total } of messages(stream)) {
      if (before === undefined) {
        before = total;
        report('voting');
        castAt = performance.now();
        label = await vote(signal);
        continue;
      }
      if (total <= before) continue;
      const standing = results.map((result) => `${result.label} ${result.votes}`).join(', ');
      return `${label}: counted ${Math.round(performance.now() - castAt)} ms later; ${standing}`;
    }
    throw new Error('the result page ended its event stream');
  } catch (error) {
    const wrong = signal.aborted ? `no new count within ${patienceMs / 1000} s` : messageOf(error);
    throw new DemoError(
      'cast a vote and read it back',
      wrong,
      'Look at the worker:  eval "$(./bin/davit env)"; kubectl logs -n vote deploy/worker',
    );
  }
}

async function vote(signal: AbortSignal): Promise<string> {
  const answer = await fetch(`${address('vote')}/api/votes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ choice: 'a' }),
    signal,
  });
  if (!answer.ok) throw new Error(`the vote was answered with ${answer.status}: ${await answer.text()}`);
  const { label } = (await answer.json()) as { readonly label: string };
  return label;
}

/** The data of each unnamed event of a server-sent stream; ends the stream when nobody wants more. */
async function* messages(stream: Response): AsyncGenerator<Results> {
  if (!stream.ok || !stream.body) throw new Error(`the result page answered ${stream.status}`);
  let rest = '';
  for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop() ?? '';
    for (const lines of events.map((event) => event.split('\n'))) {
      const data = lines.find((line) => line.startsWith('data:'));
      if (data && !lines.some((line) => line.startsWith('event:'))) yield JSON.parse(data.slice(5)) as Results;
    }
  }
}

function address(name: (typeof webServices)[number]['name']): string {
  return `http://127.0.0.1:${webServices.find((service) => service.name === name)?.port}`;
}
