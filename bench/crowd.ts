/** `node bench/crowd.ts`: many containers at once, a hundred requests in parallel, over the API, beside dockerd. */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { DockerMachine } from '../test/support/docker-machine.ts';
import { busyboxTar } from '../test/support/images.ts';
import { DockerVerbs } from './docker-verbs.ts';
import { startDockerd } from './dockerd.ts';
import { printTable } from './table.ts';

const { values } = parseArgs({
  options: {
    many: { type: 'string', default: '500' },
    peer: { type: 'string', default: '100' },
    parallel: { type: 'string', default: '100' },
  },
});
const [many, ofPeer, parallel] = [Number(values.many), Number(values.peer), Number(values.parallel)];
const run = promisify(execFile);
const image = 'busybox:bench';

await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack);
const machine = stack.use(await DockerMachine.create('benchcr', 157));

const theirs = dockerd && (await rates(dockerd.host, ofPeer));
const ours = await rates(`unix://${machine.engineSocket}`, many);
printTable(
  [
    {
      name: `${many} containers at once, ${parallel} in parallel (dockerd: ${ofPeer})`,
      unit: '/s',
      davit: ours.started,
      peer: theirs?.started,
      wanted: { text: '≥ 20/s', met: ours.started >= 20 },
    },
    { name: '  removed, all at once', unit: '/s', davit: ours.removed, peer: theirs?.removed },
  ],
  dockerd?.version,
);
process.exitCode = ours.started >= 20 ? 0 : 1;

/** Containers a second; throws when one is lost. */
async function rates(host: string, count: number): Promise<{ readonly started: number; readonly removed: number }> {
  await run('docker', ['import', await busyboxTar(), image], { env: { ...process.env, DOCKER_HOST: host } });
  using verbs = new DockerVerbs(host);
  const names = Array.from({ length: count }, (_, index) => `one${index}`);
  const started = await perSecond(names, (name) => verbs.start(name, image, ['/bin/sleep', '100000']));
  const running = await verbs.running();
  if (running !== count) throw new Error(`${count - running} of ${count} containers are lost`);
  const removed = await perSecond(names, (name) => verbs.remove(name));
  return { started, removed };
}

async function perSecond(names: readonly string[], work: (name: string) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  const waiting = names.values();
  const worker = async (): Promise<void> => {
    for (const name of waiting) await work(name);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return names.length / ((performance.now() - began) / 1000);
}
