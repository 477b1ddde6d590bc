/** A host with pods on a bridge and a client beyond its uplink, for tests that send packets. Run in a network namespace of its own. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Kernel } from '../../src/kernel/kernel.ts';
import type { Link } from '../../src/kernel/links.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { eventually } from './eventually.ts';

const run = promisify(execFile);

/** Answers with its own address and the client's; `web` on TCP, `echo` on UDP. */
const server = `
const [ip, port] = process.argv.slice(1);
require('net').createServer({allowHalfOpen:true}, s => { s.on('error', () => {}); s.end(ip + ' ' + s.remoteAddress.replace('::ffff:', '')); }).listen(+port, () => {
  const udp = require('dgram').createSocket('udp4');
  udp.on('message', (_, peer) => udp.send(ip + ' ' + peer.address, peer.port, peer.address));
  udp.bind(+port, () => console.log('up'));
})`;
const tcpClient = `
const s=require('net').connect({host:process.argv[1],port:+process.argv[2]});
const t=setTimeout(()=>{console.log('TIMEOUT');process.exit()},+process.argv[3]);
s.on('data',d=>process.stdout.write(d));s.on('close',()=>clearTimeout(t));s.on('error',e=>console.log(e.code))`;
const udpClient = `
const s=require('dgram').createSocket('udp4');
const t=setTimeout(()=>{console.log('TIMEOUT');process.exit()},+process.argv[3]);
s.on('message',m=>{console.log(String(m));clearTimeout(t);s.close()});s.on('error',e=>{console.log(e.code);process.exit()});
s.bind(+process.argv[4]||0,()=>s.connect(+process.argv[2],process.argv[1],()=>s.send('x')))`;

export interface LabOptions {
  /** Short: begins the names of links. */
  readonly prefix: string;
  /** `10.244.9`: pods are .2, .3, …; the bridge is .1. */
  readonly net: string;
  readonly pods: number;
}

export class PacketLab implements AsyncDisposable {
  readonly kernel: Kernel;
  readonly pods: readonly string[];
  /** A client that is no pod and not this host; it reaches everything by this host's 192.0.2.1. */
  readonly outside = '192.0.2.2';
  readonly bridge: string;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #children: ChildProcess[] = [];

  private constructor(kernel: Kernel, folder: string, options: LabOptions) {
    this.kernel = kernel;
    this.#folder = folder;
    this.#prefix = options.prefix;
    this.bridge = `${options.prefix}0`;
    this.pods = Array.from({ length: options.pods }, (_, index) => `${options.net}.${index + 2}`);
  }

  static async open(options: LabOptions): Promise<PacketLab> {
    const lab = new PacketLab(await openKernel(), await mkdtemp(`/tmp/${options.prefix}-`), options);
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
    const { links } = lab.kernel;
    const gateway = `${options.net}.1`;
    links.apply([
      { do: 'addBridge', name: lab.bridge },
      { do: 'addAddress', name: lab.bridge, cidr: `${gateway}/24` },
      { do: 'setUp', name: lab.bridge },
    ]);
    await writeFile(`/proc/sys/net/ipv4/conf/${lab.bridge}/route_localnet`, '1');
    for (const [index, ip] of lab.pods.entries()) {
      const name = `${options.prefix}-v${index}`;
      lab.#plug(name, ip, gateway);
      links.apply([
        { do: 'setMaster', name, master: lab.bridge, hairpin: true },
        { do: 'setUp', name },
      ]);
    }
    lab.#plug(`${options.prefix}-up`, lab.outside, undefined);
    links.apply([
      { do: 'addAddress', name: `${options.prefix}-up`, cidr: '192.0.2.1/24' },
      { do: 'setUp', name: `${options.prefix}-up` },
    ]);
    links.apply([{ do: 'addRoute', to: 'default', via: '192.0.2.1' }], lab.#pin(lab.outside));
    return lab;
  }

  /** A veth pair: `name` here, eth0 with the address in a new namespace named after it. */
  #plug(name: string, ip: string, gateway: string | undefined): void {
    const pin = this.#pin(ip);
    this.kernel.namespaces.create({ net: pin });
    this.kernel.links.apply([{ do: 'addVeth', name, peer: 'eth0', peerNamespace: pin }]);
    this.kernel.links.apply(
      [
        { do: 'addAddress', name: 'eth0', cidr: `${ip}/24` },
        { do: 'setUp', name: 'lo' },
        { do: 'setUp', name: 'eth0' },
        ...(gateway === undefined ? [] : [{ do: 'addRoute' as const, to: 'default', via: gateway }]),
      ],
      pin,
    );
  }

  #pin(ip: string): string {
    return join(this.#folder, ip);
  }

  /** A TCP and UDP server in a pod, outside, or on this host (undefined). */
  async serve(where: string | undefined, port: number): Promise<void> {
    const child = spawn(...this.#command(where, server, [where ?? 'host', String(port)]), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    if (child.stdout) await once(child.stdout, 'data');
  }

  /** A TCP server that says again what it hears. */
  async serveEcho(where: string | undefined, port: number): Promise<void> {
    const echo = `require('net').createServer(s => s.on('error', () => {}).pipe(s)).listen(+process.argv[1], () => console.log('up'))`;
    const child = spawn(...this.#command(where, echo, [String(port)]), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    if (child.stdout) await once(child.stdout, 'data');
  }

  /** A connection to an echo server that stays; `say` gives what comes back. */
  converse(from: string | undefined, address: string, port: number): { say(text: string): Promise<string> } {
    const script = `const s=require('net').connect({host:process.argv[1],port:+process.argv[2]});process.stdin.pipe(s);s.pipe(process.stdout);s.on('error',e=>console.log(e.code))`;
    const child = spawn(...this.#command(from, script, [address, String(port)]), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    return {
      async say(text) {
        child.stdin?.write(text);
        const [data] = (await once(child.stdout ?? child, 'data', { signal: AbortSignal.timeout(5_000) })) as [Buffer];
        return String(data);
      },
    };
  }

  /** What a client is told: `<who answered> <address it saw>`, the error's code, or TIMEOUT. */
  ask(from: string | undefined, address: string, port: number, waitMs = 2_000): Promise<string> {
    return this.#talk(from, tcpClient, [address, String(port), String(waitMs)]);
  }

  askUdp(
    from: string | undefined,
    address: string,
    port: number,
    options: { readonly waitMs?: number; readonly from?: number } = {},
  ): Promise<string> {
    return this.#talk(from, udpClient, [address, String(port), String(options.waitMs ?? 2_000), String(options.from ?? 0)]);
  }

  async #talk(from: string | undefined, script: string, args: readonly string[]): Promise<string> {
    const { stdout } = await run(...this.#command(from, script, args), { timeout: 20_000 });
    return stdout.trim();
  }

  #command(where: string | undefined, script: string, args: readonly string[]): [string, string[]] {
    const enter = where === undefined ? [] : ['/usr/bin/nsenter', `--net=${this.#pin(where)}`];
    const [program = '', ...rest] = [...enter, process.execPath, '-e', script, ...args];
    return [program, rest];
  }

  /** Any program in a pod, outside or here. */
  async run(where: string | undefined, ...argv: readonly string[]): Promise<string> {
    const [program = '', ...rest] = where === undefined ? argv : ['/usr/bin/nsenter', `--net=${this.#pin(where)}`, ...argv];
    return (await run(program, rest, { timeout: 20_000 })).stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const ip of [...this.pods, this.outside]) this.kernel.namespaces.remove(this.#pin(ip));
    this.kernel.links.apply([{ do: 'deleteLink', name: this.bridge }]);
    // Links into a namespace go with it, some time after its pin.
    const left = (): readonly Link[] => this.kernel.links.list().filter(({ name }) => name.startsWith(`${this.#prefix}-`));
    await eventually(async () => assert.deepEqual(left(), []), { withinMs: 5_000 });
    await rm(this.#folder, { recursive: true, force: true });
    await this.kernel[Symbol.asyncDispose]();
  }
}
