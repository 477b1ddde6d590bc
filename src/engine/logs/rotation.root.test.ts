/** Rotation with the real writer: no line is lost or doubled, and the disk is not filled. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import type { LogLine } from '../containers/containers.ts';

let lab: EngineLab;

before(async () => {
  lab = await EngineLab.open('rot');
});

after(() => lab[Symbol.asyncDispose]());

test('a follower sees every line once, over rotations and a restart of the engine', async () => {
  const script = 'i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); [ $((i % 10000)) = 0 ] && sleep 1.2; done';
  const id = await lab.start('talker', script, { logLimits: { maxBytes: 200_000, maxFiles: 20 } });
  const follow = (): AsyncIterable<LogLine> => lab.engine.containers.logs(id, { follow: true, stdout: true, stderr: true }, lab.signal);
  let seen = '';
  for await (const { data } of follow()) {
    seen += data.toString();
    if (seen.length > 50_000) break;
  }
  await lab.reopen();
  const all = Buffer.concat(await Array.fromAsync(follow(), ({ data }) => data)).toString();
  assert.ok(all.startsWith(seen));
  assert.equal(all, Array.from({ length: 30_000 }, (_, index) => `line ${index}\n`).join(''));
  const { logPath = '' } = await lab.engine.containers.get(id);
  const files = readdirSync(dirname(logPath)).filter((name) => name.startsWith('container.log'));
  assert.ok(files.length >= 3, files.join(' '));
  await lab.engine.containers.remove(id, { force: true, volumes: true });
});

test('only so many files are kept, and the newest lines are in them', async () => {
  const script =
    'for round in 1 2 3 4; do i=0; while [ $i -lt 3000 ]; do echo round $round line $i; i=$((i+1)); done; sleep 1.1; done; echo end';
  const id = await lab.start('short', script, { logLimits: { maxBytes: 50_000, maxFiles: 2 } });
  await lab.engine.containers.wait(id, 'not-running', lab.signal);
  const { logPath = '' } = await lab.engine.containers.get(id);
  const folder = dirname(logPath);
  const files = readdirSync(folder).filter((name) => name.startsWith('container.log'));
  assert.deepEqual(files.toSorted(), ['container.log', 'container.log.1']);
  assert.ok(files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0) < 600_000);
  assert.match(await lab.logs('short'), /round 4 line 2999\nend\n$/);
  await lab.engine.containers.remove(id, { force: true, volumes: true });
});
