/**
 * kill -9 at random moments under 50 writers, while opening as well as while writing. The same file lives through all of it.
 *   DAVIT_TEST_CRASHES=1000 DAVIT_TEST_CRASH_SEED=7 node tools/run-tests.ts root crash
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { delay } from '../base/abort.ts';
import { rolldown } from 'rolldown';
import { openStore } from './embedded.ts';

const crashes = Number(process.env['DAVIT_TEST_CRASHES'] ?? 1000);
const budgetMs = process.env['DAVIT_TEST_CRASHES'] === undefined ? 30_000 : Infinity;
const seed = Number(process.env['DAVIT_TEST_CRASH_SEED'] ?? Date.now() % 100_000);
/** Files that live and die beside each other. */
const lanes = 3;
/** So many revisions that a watcher has seen are read again after each crash. */
const overlap = 200;

// In memory: what a killed process wrote is there with or without a disk, and starting again is quick.
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'davit-crash-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Bundled, the victim starts in a fraction of the time. */
async function bundleVictim(): Promise<string> {
  const input = {
    victim: fileURLToPath(new URL('./crash.writer.ts', import.meta.url)),
    'embedded.worker': fileURLToPath(new URL('./embedded.worker.ts', import.meta.url)),
  };
  const bundle = await rolldown({ input, platform: 'node', external: /^node:/ });
  await bundle.write({ dir: join(folder, 'code'), format: 'esm', entryFileNames: '[name].js' });
  writeFileSync(join(folder, 'code', 'package.json'), '{ "type": "module" }');
  return join(folder, 'code', 'victim.js');
}

/** What was told about one file over all lives of its store. */
class Ledger {
  readonly #seen = new Map<number, string>();
  readonly #acknowledged = new Map<number, string>();
  newest = 0;
  acknowledgements = 0;

  get resumeFrom(): number {
    return Math.max(0, this.newest - overlap);
  }

  /** A watcher sees each revision once and without a gap, and after a crash the same as before it. */
  see(revision: number, next: number, what: string): void {
    assert.equal(revision, next, 'a gap or a duplicate');
    assert.equal(what, this.#seen.get(revision) ?? what, `revision ${revision} was seen as something else before a crash`);
    assert.equal(what, this.#acknowledged.get(revision) ?? what, `revision ${revision} was acknowledged as something else`);
    this.#seen.set(revision, what);
    this.newest = Math.max(this.newest, revision);
  }

  acknowledge(revision: number, what: string): void {
    assert(!this.#acknowledged.has(revision), `revision ${revision} was given twice`);
    assert.equal(what, this.#seen.get(revision) ?? what, `revision ${revision} was seen as something else`);
    this.#acknowledged.set(revision, what);
    this.acknowledgements += 1;
  }

  /** Called with the revision of a store opened after a crash: everything that anybody was told must be in it. */
  reopened(revision: number): void {
    const told = Math.max(this.newest, ...this.#acknowledged.keys());
    assert(revision >= told, `revision ${told} is lost: the store came back at ${revision}`);
    for (const known of this.#acknowledged.keys()) if (known < this.newest - overlap) this.#acknowledged.delete(known);
    for (const known of this.#seen.keys()) if (known < this.newest - 2 * overlap) this.#seen.delete(known);
  }
}

type Message = readonly [what: 'opened' | 'seen' | 'acknowledged', revision: number, key: string, value: string];

/** One life: from start to kill. `moment` in [0, 1): most end while writing, some while opening. */
async function live(script: string, path: string, ledger: Ledger, life: number, moment: number): Promise<void> {
  const from = ledger.resumeFrom;
  const child = fork(script, [path, String(from), String(life)], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'code') },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const opened = Promise.withResolvers<void>();
  let next = from;
  let wrong: unknown;
  child.on('message', (batch: readonly Message[]) => {
    try {
      for (const [what, revision, key, value] of batch) {
        if (what === 'opened') ledger.reopened(revision);
        if (what === 'seen') ledger.see(revision, (next += 1), `${key}=${value}`);
        if (what === 'acknowledged') ledger.acknowledge(revision, `${key}=${value}`);
      }
    } catch (error) {
      wrong ??= error;
    }
    opened.resolve();
  });
  const exited = once(child, 'exit');
  const duringOpening = moment < 0.2;
  if (duringOpening) await delay(20 + moment * 400);
  else {
    await Promise.race([opened.promise, exited]);
    await delay((moment - 0.2) * 30);
  }
  const ended = child.exitCode !== null;
  child.kill('SIGKILL');
  await exited;
  if (wrong) throw wrong;
  assert(!ended, `the store ended by itself in life ${life}`);
}

test(`kill -9 at random moments: nothing acknowledged is lost, no revision is used twice, watchers miss nothing (seed ${seed})`, async (context) => {
  const script = await bundleVictim();
  const began = performance.now();
  const random = numbers(seed);
  const ledgers = Array.from({ length: lanes }, () => new Ledger());
  let lives = 0;
  await Promise.all(
    ledgers.map(async (ledger, lane) => {
      while (lives < crashes && performance.now() - began < budgetMs)
        await live(script, join(folder, `${lane}.db`), ledger, (lives += 1), random());
    }),
  );
  for (const [lane, ledger] of ledgers.entries()) {
    await using store = await openStore({ path: join(folder, `${lane}.db`) });
    ledger.reopened(store.revision);
  }
  const acknowledged = ledgers.reduce((sum, ledger) => sum + ledger.acknowledgements, 0);
  context.diagnostic(
    `${lives} kills in ${((performance.now() - began) / 1000).toFixed(1)} s, ${acknowledged} writes acknowledged, seed ${seed}`,
  );
  assert(lives >= lanes && acknowledged > 0, 'too few to say anything');
});

/** The same numbers in [0, 1) for the same seed. */
function numbers(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
