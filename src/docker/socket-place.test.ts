import assert from 'node:assert/strict';
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listenAt, removeStale } from './socket-place.ts';

let folder = '';
const path = (): string => join(folder, 'docker.sock');

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-place-'));
});
after(() => rm(folder, { recursive: true }));

/** A socket whose owner was killed: nothing of it is left but its name. */
async function leaveStale(): Promise<void> {
  const server = createServer();
  await listenAt(server, { path: path() });
  await new Promise((resolve) => server.close(resolve));
}

function answers(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path(), () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

test('the socket is for its owner and group, alone in its folder, and goes with its server', async () => {
  const server = createServer();
  const place = await listenAt(server, { path: path(), group: 'nosuch-group' });
  assert.equal((await lstat(path())).mode & 0o777, 0o660);
  assert.deepEqual(await readdir(folder), ['docker.sock']);
  assert.equal(await answers(), true);
  await place[Symbol.asyncDispose]();
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await readdir(folder), []);
});

test('the socket of an engine that has died is replaced, or taken away', async () => {
  await leaveStale();
  assert.equal(await answers(), false);
  const server = createServer();
  const place = await listenAt(server, { path: path() });
  assert.equal(await answers(), true);
  await removeStale(path());
  assert.equal(await answers(), true, 'one that is served stays');
  await place[Symbol.asyncDispose]();
  await new Promise((resolve) => server.close(resolve));
  await leaveStale();
  await removeStale(path());
  await removeStale(path());
  assert.deepEqual(await readdir(folder), []);
});

test('what somebody answers on, and what is no socket, stays', async () => {
  const first = createServer();
  const place = await listenAt(first, { path: path() });
  await assert.rejects(listenAt(createServer(), { path: path() }), { kind: 'conflict', message: /another engine answers on/ });
  await place[Symbol.asyncDispose]();
  await new Promise((resolve) => first.close(resolve));
  await writeFile(path(), 'precious');
  await assert.rejects(listenAt(createServer(), { path: path() }), { kind: 'conflict', message: /is no socket: move it away/ });
  await removeStale(path());
  assert.equal(await readFile(path(), 'utf8'), 'precious');
  await rm(path());
});

test('a socket that another engine has put there meanwhile is not taken away', async () => {
  const [ours, theirs] = [createServer(), createServer()];
  const place = await listenAt(ours, { path: path() });
  // As dockerd does it: without asking.
  await rm(path());
  const other = await listenAt(theirs, { path: path() });
  await place[Symbol.asyncDispose]();
  await new Promise((resolve) => ours.close(resolve));
  assert.equal(await answers(), true);
  await other[Symbol.asyncDispose]();
  await new Promise((resolve) => theirs.close(resolve));
});
