import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isKind, messageOf } from '../base/errors.ts';
import { boundingCapabilities } from './capabilities.ts';
import { linuxCgroups } from './cgroups.linux.ts';
import { linuxLinks } from './links.linux.ts';
import type { LinkOperation } from './links.ts';
import { linuxNamespaces } from './namespaces.linux.ts';
import { linuxProcesses } from './processes.linux.ts';
import type { Processes } from './processes.ts';

/** One thing that davit wants of the machine. */
export interface Feature {
  readonly name: string;
  readonly ok: boolean;
  /** What is there: a version, a list, a reason. */
  readonly found: string;
  /** What to do when it is not ok. */
  readonly advice: string;
  /** Without it davit does not work; the others take away something. */
  readonly required: boolean;
}

interface Finding {
  readonly ok: boolean;
  readonly found: string;
}

/** Looks at the machine and tries things out in a network namespace of its own; leaves nothing behind. */
export async function inspectFeatures(): Promise<readonly Feature[]> {
  const lifetime = new AbortController();
  const processes = linuxProcesses(lifetime.signal);
  try {
    return [...(await programs(processes)), ...kernelFeatures(), ...(await networkFeatures(processes)), ...privileges()];
  } finally {
    lifetime.abort();
  }
}

async function programs(processes: Processes): Promise<readonly Feature[]> {
  const wanted: readonly (readonly [string, readonly string[], string, boolean])[] = [
    ['runc', ['runc', '--version'], 'apt-get install runc', true],
    ['conmon', ['conmon', '--version'], 'apt-get install conmon', true],
    ['iptables', ['iptables', '--version'], 'apt-get install iptables', true],
    ['nftables', ['nft', '--version'], 'apt-get install nftables', true],
  ];
  const features: Feature[] = [];
  for (const [name, argv, advice, required] of wanted) {
    const finding = await tryOut(async () => {
      const { stdout } = await processes.run(argv);
      return stdout.split('\n')[0] ?? '';
    });
    features.push({ name, ...finding, advice, required });
  }
  return features;
}

function kernelFeatures(): readonly Feature[] {
  const fileSystems = read('/proc/filesystems');
  const cgroups = linuxCgroups();
  const wanted = ['cpu', 'memory', 'pids'];
  const missing = wanted.filter((name) => !cgroups.controllers().includes(name));
  const userNamespaces = Number(read('/proc/sys/user/max_user_namespaces') || 0);
  const seccomp = read('/proc/sys/kernel/seccomp/actions_avail');
  return [
    {
      name: 'overlay file system',
      ok: /\boverlay\b/.test(fileSystems),
      found: /\boverlay\b/.test(fileSystems) ? 'in the kernel' : 'not in /proc/filesystems',
      advice: 'modprobe overlay, or a kernel with CONFIG_OVERLAY_FS',
      required: true,
    },
    {
      name: 'control groups',
      ok: missing.length === 0,
      found: `v${cgroups.version}: ${cgroups.controllers().join(' ') || 'no controllers'}`,
      advice: `limits need the controllers ${missing.join(', ')}: boot with cgroup_enable=${missing.join(',')}`,
      required: false,
    },
    {
      name: 'seccomp',
      ok: seccomp !== '',
      found: seccomp.trim() || 'not supported',
      advice: 'a kernel with CONFIG_SECCOMP_FILTER; without it containers run unconfined',
      required: false,
    },
    {
      name: 'user namespaces',
      ok: userNamespaces > 0,
      found: userNamespaces > 0 ? `up to ${userNamespaces}` : 'disabled',
      advice: 'sysctl -w user.max_user_namespaces=15000; needed for mapped users only',
      required: false,
    },
  ];
}

/** Bridge, veth and NAT are tried out, since modules load on first use. */
async function networkFeatures(processes: Processes): Promise<readonly Feature[]> {
  const folder = mkdtempSync(join(tmpdir(), 'davit-doctor-'));
  const pin = join(folder, 'net');
  try {
    const namespace = await tryOut(async () => {
      linuxNamespaces.create({ net: pin });
      return 'works';
    });
    const features: Feature[] = [
      { name: 'network namespaces', ...namespace, advice: 'run as root, on a kernel with CONFIG_NET_NS', required: true },
    ];
    for (const { name, attempt, advice, required } of networkProbes(processes, pin)) {
      const finding = namespace.ok ? await tryOut(attempt) : { ok: false, found: 'not tried' };
      features.push({ name, ...finding, advice: namespace.ok ? advice : 'run as root', required });
    }
    return [...features, ipForwarding()];
  } finally {
    linuxNamespaces.remove(pin);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface NetworkProbe {
  readonly name: string;
  readonly attempt: () => Promise<string>;
  readonly advice: string;
  readonly required: boolean;
}

function networkProbes(processes: Processes, pin: string): readonly NetworkProbe[] {
  const link = (operation: LinkOperation) => async (): Promise<string> => {
    linuxLinks.apply([operation], pin);
    return 'works';
  };
  const run =
    (...argv: readonly string[]) =>
    () =>
      runInside(processes, pin, argv);
  return [
    { name: 'bridge', attempt: link({ do: 'addBridge', name: 'probe0' }), advice: 'modprobe bridge', required: true },
    { name: 'veth', attempt: link({ do: 'addVeth', name: 'probe1', peer: 'probe2' }), advice: 'modprobe veth', required: true },
    {
      name: 'address translation',
      attempt: run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE'),
      advice: 'modprobe nf_nat xt_MASQUERADE',
      required: true,
    },
    {
      name: 'nftables maps',
      attempt: run('nft', 'add table ip probe; add map ip probe m { type ipv4_addr : ipv4_addr; }'),
      advice: 'modprobe nf_tables',
      required: true,
    },
    {
      name: 'vxlan',
      attempt: run('ip', 'link', 'add', 'probe3', 'type', 'vxlan', 'id', '1', 'dstport', '4789'),
      advice: 'modprobe vxlan; needed for clusters of several machines',
      required: false,
    },
  ];
}

function ipForwarding(): Feature {
  const isOn = read('/proc/sys/net/ipv4/ip_forward').trim() === '1';
  return {
    name: 'IP forwarding',
    ok: isOn,
    found: isOn ? 'on' : 'off',
    advice: 'davit turns it on when it starts: net.ipv4.ip_forward=1',
    required: false,
  };
}

/** The child is started inside: a process belongs to the namespaces of the thread that made it. */
async function runInside(processes: Processes, pin: string, argv: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await linuxNamespaces.inNetwork(pin, () => processes.run(argv));
  if (exitCode !== 0) throw new Error(stderr.trim().split('\n')[0] ?? `exit code ${exitCode}`);
  return 'works';
}

function privileges(): readonly Feature[] {
  const isRoot = process.geteuid?.() === 0;
  const bounding = boundingCapabilities();
  const hasResource = bounding.includes('CAP_SYS_RESOURCE');
  const needed = ['CAP_SYS_ADMIN', 'CAP_NET_ADMIN', 'CAP_MKNOD', 'CAP_SETFCAP', 'CAP_CHOWN', 'CAP_DAC_OVERRIDE'];
  const lacking = needed.filter((name) => !bounding.includes(name));
  return [
    { name: 'root', ok: isRoot, found: `uid ${process.geteuid?.() ?? '?'}`, advice: 'run davit as root (sudo davit …)', required: true },
    {
      name: 'capabilities',
      ok: lacking.length === 0,
      found: lacking.length === 0 ? `${bounding.length} in the bounding set` : `without ${lacking.join(', ')}`,
      advice: `start davit with ${lacking.join(', ')} in its bounding set`,
      required: true,
    },
    {
      name: 'CAP_SYS_RESOURCE',
      ok: hasResource,
      found: hasResource ? 'granted' : 'missing',
      advice: "containers' rlimits stay within this process's own hard limits, and oom scores are not lowered",
      required: false,
    },
  ];
}

async function tryOut(attempt: () => Promise<string>): Promise<Finding> {
  try {
    return { ok: true, found: await attempt() };
  } catch (error) {
    return { ok: false, found: isKind(error, 'unavailable') ? 'not installed' : messageOf(error) };
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
