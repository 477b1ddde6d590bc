import type { Log } from '../base/log.ts';
import { messageOf } from '../base/errors.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import { removeRole, type RoleFile, writeRole } from './role-file.ts';
import { version } from './version.ts';

/**
 * Runs a daemon until SIGTERM or SIGINT: start, announce the role, wait, dispose. A crash is an exit with code 1:
 * restart is recovery, so nothing is caught here that is not a user's mistake.
 */
export async function foreground(
  role: RoleFile['role'],
  runRoot: string,
  log: Log,
  start: () => Promise<AsyncDisposable & { readonly sockets: readonly string[] }>,
): Promise<void> {
  const stopped = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(signal));
  process.on('unhandledRejection', (error) => {
    log.error({ stack: error instanceof Error ? error.stack : undefined }, `unhandled: ${messageOf(error)}`);
    process.exit(1);
  });
  const began = performance.now();
  await using daemon = await start().catch((error: unknown) => {
    // What was half started may keep the process alive: end it here, with the reason as the last line of the log.
    log.error({}, `${role} cannot start: ${messageOf(error)}`);
    process.exit(1);
  });
  writeRole(runRoot, {
    role,
    pid: process.pid,
    startTime: hostStartTime(process.pid) ?? 0,
    version,
    startedAt: new Date().toISOString(),
    sockets: daemon.sockets,
  });
  log.info({ ms: Math.round(performance.now() - began), sockets: daemon.sockets }, `${role} is up`);
  const signal = await stopped.promise;
  log.info({ signal }, `${role} stops`);
  removeRole(runRoot, role);
}
