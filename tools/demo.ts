/** `npm run demo`: the voting app from its Dockerfiles to a counted vote, on a davit of its own making. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { application, webServices } from './demo/application.ts';
import { applyManifests, restartChanged, waitForReady } from './demo/cluster.ts';
import { run } from './demo/command.ts';
import { davit, readEnvironment } from './demo/davit.ts';
import { DemoError } from './demo/demo-error.ts';
import { buildAll, provideBase } from './demo/images.ts';
import { Progress } from './demo/progress.ts';
import { castAndRead } from './demo/vote.ts';

const usage = `npm run demo             builds and starts the voting app on davit, and casts a vote
npm run demo -- --down   removes davit and everything it made from this machine`;

/** Clients that this machine lacked before the set-up; it keeps them out of the system's folders. */
const clientsFolder = fileURLToPath(new URL('../.cache/bin', import.meta.url));
const ownClients = ['docker', 'kubectl'].filter((name) => existsSync(join(clientsFolder, name)));

try {
  const { values } = parseArgs({ options: { down: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) console.log(usage);
  else await (values.down ? takeDown() : demonstrate());
} catch (error) {
  console.error(error instanceof DemoError ? error.text() : describe(error));
  process.exitCode = 1;
}

async function demonstrate(): Promise<void> {
  const began = performance.now();
  const progress = new Progress(process.stdout);
  await progress.section('davit', (rows) => rows.row('server and node', (report) => davit(['up'], report)));
  const environment = await readEnvironment();
  await progress.section('Images', async (rows) => {
    await provideBase(rows, environment);
    return buildAll(rows, environment);
  });
  await progress.section('Cluster', async (rows) => {
    await rows.row('manifests', (report) => applyManifests(environment, report));
    await restartChanged(rows, environment);
    return waitForReady(rows, environment);
  });
  await progress.section('Vote', (rows) => rows.row('cast, then counted', castAndRead));
  await showWhere(environment, (performance.now() - began) / 1000);
}

async function showWhere(environment: Readonly<Record<string, string>>, seconds: number): Promise<void> {
  const address = await run(['kubectl', 'get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}'], {
    environment,
  }).catch(() => ({ stdout: '' }));
  const elsewhere = address.stdout.trim();
  const lines = webServices.map(({ name, port }) => {
    const from = elsewhere && elsewhere !== '127.0.0.1' ? `   http://${elsewhere}:${port}` : '';
    return `  ${name.padEnd(10)}http://127.0.0.1:${port}${from}`;
  });
  const exports = Object.entries(environment).map(([name, value]) => `  export ${name}=${value}`);
  if (ownClients.length > 0) exports.push(`  export PATH=$PATH:${clientsFolder}   # for ${ownClients.join(' and ')}`);
  console.log(`\nThe voting app runs (${seconds.toFixed(1)} s):\n${lines.join('\n')}

Point docker and kubectl at it:  eval "$(./bin/davit env)"
${exports.join('\n')}

  docker ps
  kubectl get pods -n ${application.namespace}
  kubectl delete pod -n ${application.namespace} -l app=vote     and watch them come back

It keeps running. To take everything away:  npm run demo -- --down`);
}

async function takeDown(): Promise<void> {
  const progress = new Progress(process.stdout);
  await progress.section('davit', (rows) => rows.row('stop, remove every trace', (report) => davit(['down', '--purge'], report)));
}

function describe(error: unknown): string {
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))
    return `${error.message}\n\n${usage}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
