import type { Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { readRoles, type RoleFile } from '../daemon/role-file.ts';
import { residentBytes } from '../kernel/process-facts.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import { probeSocket } from './probe-socket.ts';
import { table } from './table.ts';

interface RoleStatus extends RoleFile {
  readonly health: 'healthy' | 'unhealthy' | 'dead';
  readonly residentBytes: number;
}

/** `davit status`: every davit process; exit code 1 unless all are healthy. */
export async function status(flags: Partial<Config>, output: 'text' | 'json'): Promise<void> {
  const config = machineConfig(flags);
  const rows = await Promise.all(readRoles(config.runRoot).map(statusOf));
  if (rows.length === 0 || rows.some((row) => row.health !== 'healthy')) process.exitCode = 1;
  if (output === 'json') {
    process.stdout.write(`${JSON.stringify({ processes: rows }, undefined, 2)}\n`);
    return;
  }
  if (rows.length === 0) {
    process.stdout.write('davit is not running: start it with `davit up`\n');
    return;
  }
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  process.stdout.write(
    table([
      ['ROLE', 'PID', 'HEALTH', 'MEMORY', 'STARTED', 'SOCKETS'],
      ...rows.map((row) => [row.role, String(row.pid), row.health, megabytes(row.residentBytes), row.startedAt, row.sockets.join(' ')]),
    ]),
  );
}

async function statusOf(role: RoleFile): Promise<RoleStatus> {
  if (hostStartTime(role.pid) !== role.startTime) return { ...role, health: 'dead', residentBytes: 0 };
  const answers = await Promise.all(role.sockets.map(probeSocket));
  return { ...role, health: answers.every(Boolean) ? 'healthy' : 'unhealthy', residentBytes: residentBytes(role.pid) };
}
