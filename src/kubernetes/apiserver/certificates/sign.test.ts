import 'reflect-metadata';
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { certificateSigningRequests } from '../../../api/kubernetes/kinds.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { httpClient } from '../../client/http-client.ts';
import { liveServer } from '../live.fake.ts';

test('an approved request gets a certificate, with which its holder is known', async () => {
  await using live = await liveServer();
  const { client } = live.api;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=ann, O=dev', keys, signingAlgorithm: algorithm });
  const name = 'ann';
  await client.create(certificateSigningRequests, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
      expirationSeconds: 3600,
    },
  });
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test' }];
  await client.patch(certificateSigningRequests, { name }, { type: 'merge', body: { status: { conditions } } }, 'status');
  const certificate = await eventually(
    async () => {
      const { status } = await client.get(certificateSigningRequests, { name });
      assert(status?.certificate);
      return Buffer.from(String(status.certificate), 'base64').toString();
    },
    { withinMs: 2000 },
  );
  const found = new X509Certificate(certificate);
  assert.match(found.subject, /CN=ann/);
  assert(Date.parse(found.validTo) - Date.now() <= 3600_000);
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(pkcs8).toString('base64')}\n-----END PRIVATE KEY-----\n`;
  await using remote = httpClient({ server: live.api.url, ca: live.ca, cert: certificate, key });
  await assert.rejects(remote.list(certificateSigningRequests), /User "ann" cannot list resource "certificatesigningrequests"/);
});
