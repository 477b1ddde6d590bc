import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAuthority, issueCertificate, writePrivate } from '../../src/daemon/pki.ts';
import { eventually } from './eventually.ts';
import { peerProgram } from './peers.ts';

interface Member {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

/** PEM files for `--etcd-cafile` and the like; etcd asks its clients for a certificate. */
export interface EtcdTls {
  readonly caPath: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** Debian's etcd with one member or three, in a folder of its own. Disposing ends and removes it. */
export class EtcdCluster implements AsyncDisposable {
  readonly #folder: string;
  readonly #members: readonly Member[];
  readonly #processes = new Map<string, ChildProcess>();
  readonly tls: EtcdTls | undefined;

  private constructor(folder: string, members: readonly Member[], tls: EtcdTls | undefined) {
    this.#folder = folder;
    this.#members = members;
    this.tls = tls;
  }

  /** `host`: the address of this machine at which its clients reach it. */
  static async start(options: { readonly members?: 1 | 3; readonly tls?: boolean; readonly host?: string } = {}): Promise<EtcdCluster> {
    const { host = '127.0.0.1' } = options;
    const folder = await mkdtemp(join(tmpdir(), 'davit-etcd-'));
    const names = Array.from({ length: options.members ?? 1 }, (_, index) => `m${index + 1}`);
    const ports = await freePorts(names.length * 2);
    const scheme = options.tls ? 'https' : 'http';
    const members = names.map((name, index) => ({
      name,
      clientUrl: `${scheme}://${host}:${ports[2 * index]}`,
      peerUrl: `http://127.0.0.1:${ports[2 * index + 1]}`,
    }));
    const cluster = new EtcdCluster(folder, members, options.tls ? await writeTls(folder, host) : undefined);
    for (const { name } of members) cluster.startMember(name);
    await cluster.healthy();
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.#members.map(({ clientUrl }) => clientUrl);
  }

  get names(): readonly string[] {
    return this.#members.map(({ name }) => name);
  }

  startMember(name: string): void {
    const member = this.#member(name);
    const { path, env } = peerProgram('etcd-server', 'etcd');
    const tls = this.tls && {
      '--trusted-ca-file': this.tls.caPath,
      '--cert-file': join(this.#folder, 'server.crt'),
      '--key-file': join(this.#folder, 'server.key'),
      '--client-cert-auth': 'true',
    };
    const options = {
      '--name': name,
      '--data-dir': join(this.#folder, name),
      '--listen-client-urls': member.clientUrl,
      '--advertise-client-urls': member.clientUrl,
      '--listen-peer-urls': member.peerUrl,
      '--initial-advertise-peer-urls': member.peerUrl,
      '--initial-cluster': this.#members.map((each) => `${each.name}=${each.peerUrl}`).join(','),
      '--logger': 'zap',
      ...tls,
    };
    const argv = Object.entries(options).map(([flag, value]) => `${flag}=${value}`);
    this.#processes.set(
      name,
      spawn(path, argv, { env: { ...process.env, ...env }, stdio: process.env['DAVIT_TEST_DEBUG'] ? 'inherit' : 'ignore' }),
    );
  }

  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  pause(name: string): void {
    this.#processes.get(name)?.kill('SIGSTOP');
  }

  resume(name: string): void {
    this.#processes.get(name)?.kill('SIGCONT');
  }

  async leader(): Promise<string> {
    return eventually(
      async () => {
        for (const { name, clientUrl } of this.#members.filter((member) => this.#processes.has(member.name))) {
          const [status] = JSON.parse(await this.etcdctl(['endpoint', 'status', '-w', 'json'], clientUrl)) as EndpointStatus[];
          if (status && status.Status.leader !== 0 && status.Status.leader === status.Status.header.member_id) return name;
        }
        throw new Error('no leader');
      },
      { withinMs: 20_000 },
    );
  }

  /** Runs the reference client. */
  async etcdctl(argv: readonly string[], endpoint = this.endpoints.join(',')): Promise<string> {
    const { path, env } = peerProgram('etcd-client', 'etcdctl');
    const tls = this.tls ? [`--cacert=${this.tls.caPath}`, `--cert=${this.tls.certPath}`, `--key=${this.tls.keyPath}`] : [];
    const { stdout } = await promisify(execFile)(path, [`--endpoints=${endpoint}`, ...tls, ...argv], {
      env: { ...process.env, ...env, ETCDCTL_API: '3' },
      maxBuffer: 64 << 20,
    });
    return stdout;
  }

  async healthy(): Promise<void> {
    await eventually(() => this.etcdctl(['endpoint', 'health']), { withinMs: 20_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #member(name: string): Member {
    const member = this.#members.find((each) => each.name === name);
    if (!member) throw new Error(`no member ${name}`);
    return member;
  }
}

interface EndpointStatus {
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function writeTls(folder: string, host: string): Promise<EtcdTls> {
  const authority = await createAuthority('etcd-ca');
  const server = await issueCertificate(authority, { commonName: 'etcd', hosts: [...new Set([host, '127.0.0.1', 'localhost'])] });
  const client = await issueCertificate(authority, { commonName: 'davit' });
  const path = (name: string): string => join(folder, name);
  writePrivate(path('ca.crt'), authority.cert);
  writePrivate(path('server.crt'), server.cert);
  writePrivate(path('server.key'), server.key);
  writePrivate(path('client.crt'), client.cert);
  writePrivate(path('client.key'), client.key);
  return { caPath: path('ca.crt'), certPath: path('client.crt'), keyPath: path('client.key') };
}
