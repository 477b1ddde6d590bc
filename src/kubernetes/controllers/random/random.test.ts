/**
 * Random wishes, deaths of pods, work on nodes and kills of the controllers; when nothing happens any more all is as it must be, and
 * controllers that start anew find nothing to do.
 *   DAVIT_OPERATIONS=5000 DAVIT_SEED=7 node tools/run-tests.ts unit random
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../../../../test/support/eventually.ts';
import { events, leases, nodes } from '../../../api/kubernetes/kinds.ts';
import { KindError } from '../../../base/errors.ts';
import { silentLog } from '../../../base/log.ts';
import { liveServer, type LiveServer } from '../../apiserver/live.fake.ts';
import type { Act } from '../../client/acts.ts';
import type { Client } from '../../client/client.ts';
import { startScheduler } from '../../scheduler/start.ts';
import { allKinds } from '../all-kinds.ts';
import { startControllers } from '../start.ts';
import { Dice } from './dice.fake.ts';
import { ignoring } from './ignoring.fake.ts';
import { violations } from './invariants.fake.ts';
import { addNode, renewLease, simulatedNodes } from './nodes.fake.ts';
import { operate } from './operations.fake.ts';

const operations = Number(process.env['DAVIT_OPERATIONS'] ?? 600);
const seed = Number(process.env['DAVIT_SEED'] ?? Date.now() % 100_000);
/** Between two looks at everything. */
const perRound = 150;
const volumesFolder = mkdtempSync(join(tmpdir(), 'davit-random-'));
after(() => rmSync(volumesFolder, { recursive: true }));

interface Plane extends AsyncDisposable {
  killAfter(writes: number): void;
}

/** Controllers and scheduler, until they are killed: from then on nothing of what they do succeeds. */
async function controlPlane(client: Client, record: (act: Act) => void): Promise<Plane> {
  let left = Infinity;
  const changing = new Set<string | symbol>(['create', 'update', 'patch', 'delete', 'bind']);
  const mortal = new Proxy(client, {
    get(target, verb) {
      if (changing.has(verb) && left-- <= 0) return () => Promise.reject(new KindError('unavailable', 'killed'));
      const method: unknown = Reflect.get(target, verb);
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
  await using starting = new AsyncDisposableStack();
  starting.use(
    await startControllers({ client: mortal, log: silentLog, rootCa: 'CA', volumesFolder, balancerPool: '192.0.2.0/28', record }),
  );
  starting.use(await startScheduler({ client: mortal, log: silentLog, record }));
  const running = starting.move();
  return { killAfter: (writes) => void (left = writes), [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** The version of every object that is not a passing note. */
async function versions(client: Client): Promise<string> {
  const lists = await Promise.all(
    allKinds
      .filter((kind) => kind.resource !== events.resource && kind.resource !== leases.resource)
      .map(async (kind) =>
        (await client.list(kind)).items.map(({ metadata }) => `${kind.kind} ${metadata.name} ${metadata.resourceVersion}`),
      ),
  );
  return lists.flat().join('\n');
}

test(`random operations, seed ${seed}`, async (t) => {
  await using server: LiveServer = await liveServer();
  const { client } = server.api;
  const dice = new Dice(seed);
  await addNode(client, 'n1');
  await using _nodes = simulatedNodes(client);
  let acts = 0;
  let kills = 0;
  const log: string[] = [];
  let plane = await controlPlane(client, () => (acts += 1));
  try {
    for (let done = 0; done < operations; done += perRound) {
      for (let one = 0; one < perRound; one += 1) {
        log.push(await operate(client, dice).catch((error: unknown) => refused(error)));
        if (!dice.chance(4)) continue;
        kills += 1;
        plane.killAfter(dice.below(4));
        await plane[Symbol.asyncDispose]();
        plane = await controlPlane(client, () => (acts += 1));
      }
      await eventually(
        async () => {
          for (const { metadata } of (await client.list(nodes)).items) await renewLease(client, metadata.name ?? '');
          assert.deepEqual(await violations(client), [], tail(log));
        },
        { withinMs: 60_000 },
      );
      plane = await changeNothing(client, plane, () => controlPlane(client, () => (acts += 1)), log);
    }
  } finally {
    await plane[Symbol.asyncDispose]();
  }
  t.diagnostic(
    `${log.filter((line) => line !== 'nothing' && !line.startsWith('refused')).length} operations, ${kills} kills, ${acts} acts, seed ${seed}`,
  );
});

/** Controllers that start anew have nothing to do. What changed once may have been on its way still (a back-off on a busy machine). */
async function changeNothing(client: Client, first: Plane, start: () => Promise<Plane>, log: readonly string[]): Promise<Plane> {
  let plane = first;
  for (let left = 2; ; left -= 1) {
    await settled(client);
    const before = await versions(client);
    await plane[Symbol.asyncDispose]();
    plane = await start();
    await settled(client);
    const now = await versions(client);
    if (now === before) return plane;
    if (left === 0) {
      await plane[Symbol.asyncDispose]();
      assert.equal(now, before, `controllers that start anew change nothing\n${tail(log)}`);
    }
  }
}

function refused(error: unknown): string {
  ignoring('notFound', 'conflict', 'alreadyExists', 'invalid', 'forbidden')(error);
  return `refused: ${String(error)}`;
}

const tail = (log: readonly string[]): string => `seed ${seed}, operation ${log.length}; the last ones:\n${log.slice(-60).join('\n')}`;

/** Nothing was written for a while. */
async function settled(client: Client): Promise<void> {
  let last = '';
  let since = 0;
  await eventually(
    async () => {
      const now = await versions(client);
      since = now === last ? since + 1 : 0;
      last = now;
      assert.ok(since >= 6, 'still busy');
    },
    { withinMs: 30_000 },
  );
}
