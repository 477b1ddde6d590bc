import { rmSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { type Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { takeDown } from '../daemon/take-down.ts';
import { readRoles, type RoleFile, removeRole } from '../daemon/role-file.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import { stopProcess } from '../kernel/stop-process.ts';
import { paint } from './paint.ts';

/** `davit down`: processes first, then containers and everything that the host was given. Runs twice without harm. */
export async function down(
  flags: Partial<Config>,
  options: { readonly purge?: boolean; readonly keepContainers?: boolean },
): Promise<void> {
  if (process.getuid?.() !== 0) throw new KindError('forbidden', 'davit down needs root: run it with sudo');
  if (options.purge && options.keepContainers) throw new KindError('invalid', '--purge and --keep-containers exclude each other');
  const config = machineConfig(flags);
  for (const role of readRoles(config.runRoot)) await stopRole(role, config.runRoot);
  if (options.keepContainers) return;
  await takeDown(config, silentLog);
  step('containers, links, rules and mounts are gone');
  if (!options.purge) return;
  rmSync(config.dataRoot, { recursive: true, force: true });
  rmSync(config.runRoot, { recursive: true, force: true });
  step(`${config.dataRoot} and ${config.runRoot} are deleted`);
}

async function stopRole(role: RoleFile, runRoot: string): Promise<void> {
  if (hostStartTime(role.pid) === role.startTime) {
    await stopProcess(role.pid, { graceMs: 10_000 });
    step(`${role.role} (pid ${role.pid}) stopped`);
  }
  removeRole(runRoot, role.role);
}

function step(text: string): void {
  process.stdout.write(`${paint('green', '✓', process.stdout)} ${text}\n`);
}
