import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { formatAddress } from './ip-address.ts';

/** Who holds a port: `nginx (pid 12)`. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Undefined when no process of this machine has it (a kernel socket, another PID namespace). */
  readonly pid?: number;
  readonly program?: string;
}

/** Sockets that listen (TCP) or are bound (UDP) to a port in this thread's network namespace. */
export function listenersOn(port: number, protocol: 'tcp' | 'udp'): readonly Listener[] {
  return withHolders(socketsOf(protocol).filter((socket) => socket.port === port));
}

/** All of them. */
export function listeners(protocol: 'tcp' | 'udp'): readonly Listener[] {
  return withHolders(socketsOf(protocol));
}

function socketsOf(protocol: 'tcp' | 'udp'): readonly BoundSocket[] {
  return [protocol, `${protocol}6`].flatMap((table) => parseSockets(read(`/proc/thread-self/net/${table}`), protocol));
}

function withHolders(sockets: readonly BoundSocket[]): readonly Listener[] {
  if (sockets.length === 0) return [];
  const holders = holdersOf(new Set(sockets.map((socket) => socket.inode)));
  return sockets.map(({ address, port, inode }) => {
    const pid = holders.get(inode);
    return pid === undefined ? { address, port } : { address, port, pid, program: programOf(pid) };
  });
}

interface BoundSocket {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** proc_net_tcp: `0: 0100007F:1F90 00000000:0000 0A … uid timeout inode`; the state 0A listens, 07 is an unconnected UDP socket. */
export function parseSockets(text: string, protocol: 'tcp' | 'udp'): readonly BoundSocket[] {
  const wanted = protocol === 'tcp' ? '0A' : '07';
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === wanted)
    .map((fields) => {
      const [address = '', port = ''] = (fields[1] ?? '').split(':');
      return { address: parseHexAddress(address), port: Number.parseInt(port, 16), inode: fields[9] ?? '' };
    });
}

/** 32-bit words in host order: `0100007F` = 127.0.0.1. */
function parseHexAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  return formatAddress(bytes.swap32());
}

/** Inode → one process that has the socket open. */
function holdersOf(inodes: ReadonlySet<string>): ReadonlyMap<string, number> {
  const holders = new Map<string, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    for (const target of openFiles(name)) {
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode) && !holders.has(inode)) holders.set(inode, Number(name));
    }
    if (holders.size === inodes.size) break;
  }
  return holders;
}

/** Empty for a process that has just ended. */
function openFiles(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}

/** The executable's name: threads may have renamed themselves (`MainThread`). */
function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
  } catch {
    return read(`/proc/${pid}/comm`).trim();
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
