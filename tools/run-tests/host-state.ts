import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';

/** What a test could leave on the host, each fact one line. */
export type HostState = ReadonlySet<string>;

export function hostState(): HostState {
  return new Set([...mounts(), ...networkNamespaces(), ...links(), ...controlGroups(), ...rules(), ...processes(), ...folders()]);
}

/** The facts that are there now and were not before. */
export function leftBehind(before: HostState, now: HostState): readonly string[] {
  return [...now.difference(before)].toSorted();
}

const watched = /^\/(?:tmp|run\/davit|run\/netns|var\/lib\/davit|var\/run\/netns)/;

function mounts(): readonly string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  // `ip netns add` makes its folder a mount point the first time, for good.
  return points.filter((point) => watched.test(point) && !/^(?:\/var)?\/run\/netns$/.test(point)).map((point) => `mount ${point}`);
}

function networkNamespaces(): readonly string[] {
  return entries('/run/netns').map((name) => `network namespace ${name}`);
}

/** Not /sys/class/net: that shows the network of whoever mounted it. */
function links(): readonly string[] {
  return [...readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*([^\s|]+):/gm)].map(([, name]) => `link ${name}`);
}

function controlGroups(): readonly string[] {
  return globSync(['/sys/fs/cgroup/davit*', '/sys/fs/cgroup/*/davit*']).map((path) => `control group ${path}`);
}

/**
 * What filters or translates. Counters and comments differ from call to call; rules do not. A built-in chain that accepts
 * everything is what a kernel without it does, and iptables makes it and its table at the first look.
 */
function rules(): readonly string[] {
  const lines = (tool: string, ...options: string[]): string[] => {
    try {
      return execFileSync(tool, options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n');
    } catch {
      return [];
    }
  };
  const saved = lines('iptables-save').filter((line) => isRule(line));
  const tables = lines('nft', 'list', 'tables').filter((table) => table && !/^table ip6? (?:raw|mangle|nat|filter|security)$/.test(table));
  return [...saved.map((line) => `firewall rule ${line.replace(/ \[\d+:\d+\]$/, '')}`), ...tables.map((table) => `nftables ${table}`)];
}

/** A line of iptables-save that changes what happens to a packet, or a chain of somebody's own. */
export function isRule(line: string): boolean {
  return line.startsWith('-A') || (line.startsWith(':') && !/^:[A-Z]+ ACCEPT /.test(line));
}

/** davit's own processes and its containers' supervisors. */
function processes(): readonly string[] {
  const ours = /^(?:\S*conmon\0|\S*node\0.*(?:src\/main\.ts|dist\/main\.js)\0(?:server|node)\0)/s;
  return entries('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const command = commandLine(pid);
      return ours.test(command) ? [`process ${pid} ${command.replaceAll('\0', ' ').slice(0, 120)}`] : [];
    });
}

/** Empty for a process that ended meanwhile. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function folders(): readonly string[] {
  return globSync(['/tmp/dv-*', '/tmp/davit-*', '/run/davit*']).map((path) => `folder ${path}`);
}

function entries(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
