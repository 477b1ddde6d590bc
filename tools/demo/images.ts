import { join } from 'node:path';
import { application, imageName, lanes } from './application.ts';
import { CommandFailed, run } from './command.ts';
import { davit } from './davit.ts';
import { DemoError, messageOf } from './demo-error.ts';
import type { Report, Section } from './progress.ts';

type Environment = Readonly<Record<string, string>>;

/** Images whose content this run changed; pods that ran the old one are replaced later. */
export const changedImages = new Set<string>();

/** The base image: here already, or pulled, or (no registry in reach) made from this machine's Debian mirror. */
export async function provideBase(rows: Section, environment: Environment): Promise<void> {
  if (await imageId(application.base, environment)) {
    await rows.row(application.base, async () => 'is here');
    return;
  }
  await rows.row(application.base, async (report) => {
    const problem = await pullProblem(environment, report);
    if (problem === undefined) return 'pulled';
    report(`no registry in reach (${problem}): making it from this machine's Debian mirror`);
    await davit(['base', application.base], (line) => line && report(line));
    return `made from this machine's Debian mirror: no registry in reach (${problem})`;
  });
}

/** How long a registry may take to say anything at all. */
const silenceMs = 20_000;

/** Why the base image could not be pulled, in a few words; undefined when it was. */
async function pullProblem(environment: Environment, report: Report): Promise<string | undefined> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silenceMs);
  const onLine = (line: string): void => {
    clearTimeout(timer);
    report(line);
  };
  try {
    await run(['docker', 'pull', application.base], { environment, onLine, signal: silent.signal });
    return undefined;
  } catch (error) {
    if (silent.signal.aborted) return `no answer within ${silenceMs / 1000} s`;
    const last = messageOf(error).split('\n').at(-1) ?? '';
    return last.replace(/^Error response from daemon: (?:Get "[^"]*": )?/, '');
  } finally {
    clearTimeout(timer);
  }
}

export async function buildAll(rows: Section, environment: Environment): Promise<void> {
  const stop = new AbortController();
  const lane = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await rows.row(imageName(name), (report) => build(name, environment, report, stop.signal));
  };
  const outcomes = await Promise.allSettled(
    lanes.map((names) =>
      lane(names).catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    ),
  );
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
  const first = reasons.find((reason) => reason instanceof DemoError) ?? reasons[0];
  if (first) throw first;
}

async function build(name: string, environment: Environment, report: Report, signal: AbortSignal): Promise<string> {
  const image = imageName(name);
  const before = await imageId(image, environment);
  const folder = join(application.folder, name);
  let steps = 0;
  let ran = 0;
  const onLine = (line: string): void => {
    if (line.includes('---> Running in')) ran += 1;
    const [, at, of, instruction] = /^Step (\d+)\/(\d+) : (.*)/.exec(line) ?? [];
    if (!instruction) return;
    steps = Number(of);
    report(`step ${at}/${of} ${instruction}`);
  };
  try {
    await run(['docker', 'build', '--tag', image, folder], { environment, onLine, signal });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new DemoError(
      `build ${image} from ${folder}`,
      error.message,
      `Run the same build by hand to see all of its output:\n  docker build ${folder}`,
    );
  }
  const after = await imageId(image, environment);
  if (before && before !== after) changedImages.add(name);
  return before === after && ran === 0
    ? 'unchanged, every step from the cache'
    : `built in ${steps} steps, ${await size(image, environment)}`;
}

async function imageId(image: string, environment: Environment): Promise<string | undefined> {
  return inspect(image, '{{.Id}}', environment);
}

async function size(image: string, environment: Environment): Promise<string> {
  const bytes = await inspect(image, '{{.Size}}', environment);
  return `${Math.round(Number(bytes) / 1e6)} MB`;
}

async function inspect(image: string, format: string, environment: Environment): Promise<string | undefined> {
  try {
    const { stdout } = await run(['docker', 'image', 'inspect', '--format', format, image], { environment });
    return stdout.trim();
  } catch (error) {
    if (error instanceof CommandFailed && /no such image/i.test(error.message)) return undefined;
    throw error instanceof CommandFailed
      ? new DemoError(`look for the image ${image}`, error.message, '`./bin/davit status` shows whether davit answers.')
      : error;
  }
}
