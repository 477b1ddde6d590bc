/** The engine's images are killed in the middle of whatever they do, again and again; what is there afterwards is whole, and nothing else is there. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { delay } from '../../base/abort.ts';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { openStore } from '../../store/embedded.ts';
import { memoryStore } from '../../store/memory.ts';
import { memoryTar, memoryTarBytes } from '../archive/memory-tar.fake.ts';
import { createEvents } from '../events/ring.ts';
import { startRegistry } from '../registry/registry.fake.ts';
import { openImages } from './open.ts';
import { assertWhole } from './whole.suite.ts';

const victim = new URL('./crash-victim.fake.ts', import.meta.url).pathname;
const rounds = Number(process.env['DAVIT_CRASH_ROUNDS'] ?? 50);
/** As far as they fit in, when their number was not asked for: a busy machine must not keep everybody waiting. */
const mostSeconds = process.env['DAVIT_CRASH_ROUNDS'] === undefined ? 40 : 3600;
const fewest = 8;
const mostMs = 1500;

test(`killed at up to ${rounds} random moments, with four operations under way at each`, async (context) => {
  const seed = Number(process.env['DAVIT_SEED'] ?? Date.now() % 1_000_000);
  context.diagnostic(`DAVIT_SEED=${seed}`);
  const folder = mkdtempSync(`${tmpdir()}/davit-crash-`);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const registry = stack.use(await startRegistry());
  const remote = registry.publish([
    memoryTarBytes({ name: 'base', data: 'b'.repeat(200_000) }),
    memoryTarBytes({ name: 'top', data: 't'.repeat(300_000) }, { name: '.wh.base' }),
  ]);
  await prepare(folder);
  /** Repositories of images that were there after some round. */
  const seen = new Set<string>();
  let next = start(folder, seed, remote);
  stack.defer(() => void next.kill('SIGKILL'));
  const until = performance.now() + mostSeconds * 1000;
  let round = 0;
  while (round < rounds && (round < fewest || seen.size < 2 || performance.now() < until)) {
    round += 1;
    const child = next;
    next = start(folder, seed + round, remote);
    child.stdin?.write('go\n');
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(([code]) => assert.fail(`victim of round ${round} ended with ${String(code)}`)),
    ]);
    await delay(((seed * 7919 + round * 104_729) % 1000) * (mostMs / 1000));
    assert.equal(child.exitCode, null, `the victim of round ${round} ended by itself`);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    for (const name of await check(folder, round)) seen.add(name.replace(/:.*/, ''));
  }
  context.diagnostic(`${round} rounds`);
  assert.ok(seen.size >= 2, `images lived through it: ${[...seen].join()}`);
});

function start(folder: string, seed: number, remote: string) {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', victim, folder, String(seed), remote], {
    env: { ...process.env, NODE_COMPILE_CACHE: `${folder}/compiled` },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** A tar to import and an archive to load. */
async function prepare(folder: string): Promise<void> {
  mkdirSync(`${folder}/data`);
  writeFileSync(
    `${folder}/root.tar`,
    memoryTarBytes({ name: 'etc', type: 'directory', mode: 0o755 }, { name: 'etc/file', data: 'x'.repeat(100_000) }),
  );
  const { images } = await open(`${folder}/other`, memoryStore());
  await images.import(memoryTar({ name: 'saved', data: 's'.repeat(250_000) }), { reference: 'saved:1' });
  await writeFile(`${folder}/saved.tar`, await images.save(['saved:1']));
  rmSync(`${folder}/other`, { recursive: true });
}

function open(dataRoot: string, store: Parameters<typeof openImages>[0]['store']): ReturnType<typeof openImages> {
  return openImages({ dataRoot, kernel: fakeKernel(), store, events: createEvents(), log: silentLog });
}

/** As the next start would find it; names of the images. */
async function check(folder: string, round: number): Promise<readonly string[]> {
  await using store = await openStore({ path: `${folder}/data/store.db` });
  const { images } = await open(`${folder}/data`, store);
  await assertWhole(images, `round ${round}`);
  const { total, rows } = await images.ledger({ containers: new Set(), volumes: new Set() });
  assert.deepEqual(
    rows.filter(({ kind }) => kind === 'unowned' || kind === 'underWay' || kind === 'snapshot'),
    [],
    `round ${round}: nothing is left behind`,
  );
  const du = Number(execFileSync('du', ['-s', '-B1', `${folder}/data`], { encoding: 'utf8' }).split('\t')[0]);
  assert.equal(total, du, `round ${round}: the ledger is what du finds`);
  return (await images.list()).flatMap(({ names }) => names);
}
