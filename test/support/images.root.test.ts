import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { busyboxTar, debianTar } from './images.ts';

test('two callers at once get the same busybox root, complete', async () => {
  const [one, two] = await Promise.all([busyboxTar(), busyboxTar()]);
  assert.equal(one, two);
  const names = execFileSync('tar', ['-tf', one], { encoding: 'utf8' }).split('\n');
  for (const name of ['./bin/busybox', './bin/sh', './etc/passwd', './tmp/']) assert.ok(names.includes(name), name);
});

test('the Debian root has apt and no documentation', { timeout: 300_000 }, async () => {
  const tar = await debianTar();
  assert.ok(statSync(tar).size > 50e6);
  const names = execFileSync('tar', ['-tf', tar], { encoding: 'utf8', maxBuffer: 64 << 20 }).split('\n');
  assert.ok(names.includes('./usr/bin/apt-get'));
  assert.ok(!names.some((name) => name.startsWith('./usr/share/man/man1/')));
});
