import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as x509 from '@peculiar/x509';

const crypto = webcrypto;
x509.cryptoProvider.set({
  subtle: crypto.subtle,
  getRandomValues: crypto.getRandomValues.bind(crypto),
  randomUUID: crypto.randomUUID.bind(crypto),
} as Parameters<typeof x509.cryptoProvider.set>[1]);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 60 * 60 * 1000;

/** PEM texts of one certificate and its key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateRequest {
  /** Kubernetes takes it as the user name. */
  readonly commonName: string;
  /** Kubernetes takes it as the group. */
  readonly organization?: string;
  /** DNS names and IP addresses that a server answers for; none for a client. */
  readonly hosts?: readonly string[];
}

/** A self-signed certificate authority, valid for ten years. */
export async function createAuthority(commonName: string): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: algorithm,
    serialNumber: serial(),
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 3650 * day),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: cert.toString('pem'), key: await privatePem(keys.privateKey) };
}

/** A leaf certificate for client and, when it has hosts, server use; valid for one year. */
export async function issueCertificate(authority: KeyPair, request: CertificateRequest): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey('pkcs8', pemBody(authority.key), algorithm, false, ['sign']);
  const organization: x509.JsonName = request.organization ? [{ O: [request.organization] }] : [];
  const subject: x509.JsonName = [{ CN: [request.commonName] }, ...organization];
  const usages = [x509.ExtendedKeyUsage.clientAuth, ...(request.hosts ? [x509.ExtendedKeyUsage.serverAuth] : [])];
  const cert = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    serialNumber: serial(),
    notBefore: new Date(Date.now() - 60 * 60 * 1000),
    notAfter: new Date(Date.now() + 365 * day),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(request.hosts ? [new x509.SubjectAlternativeNameExtension(request.hosts.map(alternativeName))] : []),
    ],
  });
  return { cert: cert.toString('pem'), key: await privatePem(keys.privateKey) };
}

/** Reads `<directory>/<name>.crt` and `.key`, or makes them; the key is readable by root alone. */
export async function keyPairAt(directory: string, name: string, make: () => Promise<KeyPair>): Promise<KeyPair> {
  const [certPath, keyPath] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  if (existsSync(certPath) && existsSync(keyPath)) {
    const pair = { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
    if (new x509.X509Certificate(pair.cert).notAfter.getTime() > Date.now() + 30 * day) return pair;
  }
  const pair = await make();
  writePrivate(keyPath, pair.key);
  writePrivate(certPath, pair.cert);
  return pair;
}

/** Writes a file that only root can read, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.tmp`, text, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

function alternativeName(host: string): { type: 'ip' | 'dns'; value: string } {
  return { type: /^[\d.]+$|:/.test(host) ? 'ip' : 'dns', value: host };
}

function serial(): string {
  const bytes = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes.toString('hex');
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function pemBody(pem: string): ArrayBuffer {
  const [body] = x509.PemConverter.decode(pem);
  if (!body) throw new Error('no PEM block in the authority key');
  return body;
}

const keyUsages: Readonly<Record<string, string>> = {
  'client auth': x509.ExtendedKeyUsage.clientAuth,
  'server auth': x509.ExtendedKeyUsage.serverAuth,
};

/** Certifies a PKCS #10 request: its subject, key and alternative names, for the usages that are asked for. */
export async function signRequest(
  authority: KeyPair,
  order: { readonly request: string; readonly usages: readonly string[]; readonly seconds: number },
): Promise<string> {
  const asked = new x509.Pkcs10CertificateRequest(order.request);
  if (!(await asked.verify())) throw new Error('the request is not signed with its own key');
  const issuer = new x509.X509Certificate(authority.cert);
  const names = asked.getExtension('2.5.29.17');
  const usages = order.usages.flatMap((one) => keyUsages[one] ?? []);
  const cert = await x509.X509CertificateGenerator.create({
    subject: asked.subject,
    issuer: issuer.subject,
    publicKey: asked.publicKey,
    signingKey: await crypto.subtle.importKey('pkcs8', pemBody(authority.key), algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    serialNumber: serial(),
    notBefore: new Date(Date.now() - 5 * 60 * 1000),
    notAfter: new Date(Date.now() + order.seconds * 1000),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      ...(usages.length > 0 ? [new x509.ExtendedKeyUsageExtension(usages)] : []),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...(names ? [names] : []),
    ],
  });
  return cert.toString('pem');
}
