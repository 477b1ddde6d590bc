import { readFileSync, writeFileSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import type { Firewall } from './firewall.ts';
import { forgetFlows } from './flows.linux.ts';
import { changeElements } from './nft-elements.linux.ts';
import { watchTable } from './nft-watch.linux.ts';
import { decodeAttributes } from './netlink.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import type { Processes } from './processes.ts';

export function linuxFirewall(processes: Processes): Firewall {
  return {
    generation: readGeneration,

    async restore(rules, family = 4) {
      const program = family === 4 ? 'iptables-restore' : 'ip6tables-restore';
      const { exitCode, stderr } = await processes.run([program, '--noflush', '--wait', '5'], { stdin: rules });
      if (exitCode !== 0) throw refused(program, rules, stderr, /line:? (\d+)/);
    },

    async save(table, family = 4) {
      const program = family === 4 ? 'iptables-save' : 'ip6tables-save';
      const { exitCode, stdout, stderr } = await processes.run([program, ...(table === undefined ? [] : ['-t', table])]);
      if (exitCode !== 0) throw refused(program, '', stderr, /never/);
      return stdout;
    },

    async saveCounted(family) {
      const program = family === 4 ? 'iptables-save' : 'ip6tables-save';
      const { exitCode, stdout, stderr } = await processes.run([program, '-c']);
      if (exitCode !== 0) throw refused(program, '', stderr, /never/);
      return stdout;
    },

    async nft(script) {
      const { exitCode, stderr } = await processes.run(['nft', '-f', '-'], { stdin: script });
      if (exitCode !== 0) throw refused('nft', script, stderr, /(?:\/dev\/stdin|-):(\d+):/);
    },

    async nftTable(family, table) {
      const { exitCode, stdout, stderr } = await processes.run(['nft', '-s', 'list', 'table', family, table]);
      if (exitCode === 0) return stdout;
      if (/No such file or directory/.test(stderr)) return undefined;
      throw refused('nft', '', stderr, /never/);
    },

    nftElements: changeElements,

    filterBridged,

    watchTable,

    forgetFlows,
  };
}

/** `iptables-restore: line 3 failed: "-A DOCKER …"`: the program names a line, this quotes it. */
function refused(program: string, input: string, stderr: string, line: RegExp): KindError {
  const number = Number(line.exec(stderr)?.[1] ?? 0);
  const text = number > 0 ? input.split('\n')[number - 1] : undefined;
  const quote = text === undefined ? '' : `: line ${number}: "${text.trim()}"`;
  return new KindError('internal', `${program} refused the rules${quote}: ${firstLines(stderr)}`);
}

function firstLines(stderr: string): string {
  const lines = stderr.split('\n').map((text) => text.trim());
  return (
    lines
      .filter((text) => text !== '' && !text.startsWith('Try `'))
      .slice(0, 3)
      .join('; ') || 'no reason given'
  );
}

/** nfnetlink: subsystem 10 (nftables), message 16 (get generation); attribute 1 of the answer is the number, in network order. */
function readGeneration(): number | undefined {
  try {
    using socket = new NetlinkSocket('netfilter');
    const { payload } = socket.get((10 << 8) | 16, Buffer.alloc(4), 'read the generation of the rules');
    return decodeAttributes(payload.subarray(4)).get(1)?.readUInt32BE(0);
  } catch {
    return undefined;
  }
}

function filterBridged(): boolean {
  const path = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  try {
    if (readFileSync(path, 'utf8').trim() !== '1') writeFileSync(path, '1');
    return true;
  } catch {
    return false;
  }
}
