import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { createAuthority, issueCertificate, keyPairAt } from './pki.ts';

test('a server and a client certificate of one authority accept each other', async () => {
  const authority = await createAuthority('davit');
  const server = await issueCertificate(authority, { commonName: 'server', hosts: ['localhost', '127.0.0.1'] });
  const client = await issueCertificate(authority, { commonName: 'system:node:a', organization: 'system:nodes' });
  const listener = createServer({ ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert(typeof address === 'object' && address);
  const accepted = once(listener, 'secureConnection');
  const socket = connect({ port: address.port, host: '127.0.0.1', ca: authority.cert, ...client });
  const [peer] = (await accepted) as [TLSSocket];
  assert.equal(peer.getPeerCertificate().subject.CN, 'system:node:a');
  assert.equal(peer.getPeerCertificate().subject.O, 'system:nodes');
  socket.destroy();
  peer.destroy();
  listener.close();
  await once(listener, 'close');
});

test('a certificate of another authority is not trusted', async () => {
  const [one, other] = [await createAuthority('one'), await createAuthority('other')];
  const leaf = new X509Certificate((await issueCertificate(one, { commonName: 'x' })).cert);
  assert.equal(leaf.verify(new X509Certificate(one.cert).publicKey), true);
  assert.equal(leaf.verify(new X509Certificate(other.cert).publicKey), false);
});

test('key pairs are made once, and only their owner reads them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'davit-pki-'));
  try {
    const make = (): Promise<{ cert: string; key: string }> => createAuthority('davit');
    const first = await keyPairAt(directory, 'ca', make);
    assert.deepEqual(await keyPairAt(directory, 'ca', make), first);
    assert.equal(statSync(join(directory, 'ca.key')).mode & 0o777, 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
