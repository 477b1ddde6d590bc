/** OpenSSH's own programs list the keys of this agent and sign with them; their verifier accepts the signatures. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { serveAgent } from './ssh-agent.ts';
import { parseSshKey } from './ssh-key.ts';

const run = promisify(execFile);
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'davit-ssh-'));
});
after(() => rm(folder, { recursive: true }));

const kinds: Readonly<Record<string, readonly string[]>> = {
  ed25519: ['-t', 'ed25519'],
  rsa: ['-t', 'rsa', '-b', '2048'],
  pem: ['-t', 'rsa', '-b', '2048', '-m', 'PEM'],
  p256: ['-t', 'ecdsa', '-b', '256'],
  p384: ['-t', 'ecdsa', '-b', '384'],
  p521: ['-t', 'ecdsa', '-b', '521', '-m', 'PKCS8'],
};

test('keys of each kind: listed, and what they sign is valid', async () => {
  for (const [name, flags] of Object.entries(kinds))
    await run('ssh-keygen', ['-q', '-N', '', '-C', `of ${name}`, '-f', join(folder, name), ...flags]);
  const paths = Object.keys(kinds).map((name) => join(folder, name));
  const keys = await Promise.all(paths.map(async (path) => parseSshKey(await readFile(path, 'utf8'), path)));
  const socket = join(folder, 'agent');
  const server = createServer((connection) => void serveAgent(connection, keys));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    const env = { ...process.env, SSH_AUTH_SOCK: socket };
    const { stdout } = await run('ssh-add', ['-L'], { env });
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').slice(0, 2).join(' '));
    const publics = await Promise.all(paths.map(async (path) => (await readFile(`${path}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ')));
    assert.deepEqual(listed, publics);
    const file = join(folder, 'said');
    await writeFile(file, 'a text');
    for (const path of paths) {
      // The private half goes: only the agent can sign.
      await rm(path);
      await run('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'test', '-f', `${path}.pub`, file], { env });
      const checked = run('ssh-keygen', ['-Y', 'check-novalidate', '-n', 'test', '-s', `${file}.sig`]);
      checked.child.stdin?.end('a text');
      assert.match((await checked).stdout, /^Good "test" signature/, path);
      await rm(`${file}.sig`);
    }
    await assert.rejects(run('ssh-add', ['-D'], { env }), /Failed to remove all identities/);
  } finally {
    server.close();
  }
});

test('a message that lies about its length ends in a failure, a huge one ends the connection', async () => {
  const reply = async (hex: string): Promise<string> => {
    const [client, wire] = [new PassThrough(), new PassThrough()];
    const done = serveAgent(Duplex.from({ readable: client, writable: wire }), []);
    client.end(Buffer.from(hex, 'hex'));
    await done.catch(() => undefined);
    return Buffer.from((wire.read() as Buffer | null) ?? []).toString('hex');
  };
  assert.equal(await reply('000000010b'), '000000050c00000000');
  assert.equal(await reply('000000050dffffffff'), '0000000105');
  assert.equal(await reply('000000011b'), '0000000105');
  assert.equal(await reply('ffffffff'), '');
});

test('keys that cannot be used are named with what to do', async () => {
  const path = join(folder, 'locked');
  for (const form of [[], ['-m', 'PEM'], ['-m', 'PKCS8']]) {
    await run('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', 'secret', '-f', path, ...form]);
    const text = await readFile(path, 'utf8');
    assert.throws(() => parseSshKey(text, path), { kind: 'invalid', message: /locked: the key has a passphrase: add it to an agent/ });
    await Promise.all([rm(path), rm(`${path}.pub`)]);
  }
  const cut = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n';
  for (const text of ['', 'ssh-ed25519 AAAA', cut])
    assert.throws(() => parseSshKey(text, '/k'), { kind: 'invalid', message: /^\/k: not a private key/ });
});
