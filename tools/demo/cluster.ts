import { join } from 'node:path';
import { application, workloads } from './application.ts';
import { CommandFailed, run } from './command.ts';
import { DemoError } from './demo-error.ts';
import { changedImages } from './images.ts';
import type { Report, Section } from './progress.ts';

type Environment = Readonly<Record<string, string>>;
type Workload = (typeof workloads)[number];

const patience = '90s';

export async function applyManifests(environment: Environment, report: Report): Promise<string> {
  const folder = join(application.folder, 'manifests');
  try {
    const { stdout } = await run(['kubectl', 'apply', '-f', folder], { environment, onLine: report });
    return countOutcomes(stdout);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new DemoError(`apply the manifests in ${folder}`, error.message, 'The manifest named above is not as the API server wants it.');
  }
}

/** `deployment.apps/vote created` … → `15 created, 2 unchanged` */
function countOutcomes(output: string): string {
  const counts = Map.groupBy(output.split('\n').filter(Boolean), (line) => line.split(' ').at(-1) ?? '');
  return [...counts].map(([outcome, lines]) => `${lines.length} ${outcome}`).join(', ');
}

/** The tag stays the same when an image is built anew, so its pods are told. */
export async function restartChanged(rows: Section, environment: Environment): Promise<void> {
  for (const { kind, name } of workloads.filter((workload) => changedImages.has(workload.name))) {
    await rows.row(`restart ${name}`, async () => {
      await run(['kubectl', 'rollout', 'restart', '-n', application.namespace, `${kind}/${name}`], { environment });
      return 'its image changed';
    });
  }
}

export async function waitForReady(rows: Section, environment: Environment): Promise<void> {
  const outcomes = await Promise.allSettled(
    workloads.map((workload) => rows.row(workload.name, (report) => ready(workload, environment, report))),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed) return;
  if (!(failed.reason instanceof CommandFailed)) throw failed.reason;
  throw new DemoError(
    'wait until every pod is Ready',
    `${failed.reason.message}\n\n${await diagnosis(environment)}`,
    `Look closer:  eval "$(./bin/davit env)"; kubectl describe pods -n ${application.namespace}`,
  );
}

async function ready({ kind, name }: Workload, environment: Environment, report: Report): Promise<string> {
  const target = `${kind}/${name}`;
  await run(['kubectl', 'rollout', 'status', '-n', application.namespace, target, `--timeout=${patience}`], {
    environment,
    onLine: (line) => report(line.replace(/^Waiting for .*?(?:finish|pods)[^0-9]*/, '').replace(/\.\.\.$/, '')),
  });
  const { stdout } = await run(
    ['kubectl', 'get', '-n', application.namespace, target, '-o', 'jsonpath={.status.readyReplicas}/{.spec.replicas}'],
    {
      environment,
    },
  );
  return `${stdout} Ready`;
}

async function diagnosis(environment: Environment): Promise<string> {
  const ask = async (...words: string[]): Promise<string> => {
    try {
      return (await run(['kubectl', '-n', application.namespace, ...words], { environment })).stdout;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const pods = await ask('get', 'pods');
  const events = await ask('get', 'events', '--field-selector=type=Warning', '--sort-by=.lastTimestamp');
  return `${pods}\n\n${events.split('\n').slice(-8).join('\n')}`;
}
