import { mkdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { KindError } from '../base/errors.ts';
import { nodes } from '../api/kubernetes/kinds.ts';
import { type Config, pathsOf, saveConfig } from '../daemon/config.ts';
import { loadCredentials } from '../daemon/credentials.ts';
import { machineConfig } from '../daemon/load.ts';
import { readRoles, type RoleFile, removeRole, rolesFolder } from '../daemon/role-file.ts';
import { spawnDetached } from '../kernel/detached.ts';
import { hostStartTime } from '../kernel/process-facts.ts';
import { httpClient } from '../kubernetes/client/http-client.ts';
import { lastLines } from './last-lines.ts';
import { paint } from './paint.ts';

const roles = ['server', 'node'] as const;
const patienceMs = 60_000;

/** `davit up`: starts what is not running yet, waits for it, and says how to use it. */
export async function up(flags: Partial<Config>): Promise<void> {
  if (process.getuid?.() !== 0) throw new KindError('forbidden', 'davit up needs root: run it with sudo');
  const began = performance.now();
  const config = machineConfig(flags);
  const paths = pathsOf(config);
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  saveConfig(config);
  const credentials = await loadCredentials(config);
  const alive = readRoles(config.runRoot).filter(isAlive);
  const missing = roles.filter((role) => !alive.some((file) => file.role === role));
  const started = missing.map((role) => ({ role, pid: startRole(role, config) }));
  const signal = AbortSignal.timeout(patienceMs);
  await Promise.all(started.map(({ role, pid }) => roleUp(role, pid, config, signal).then(() => step(`${role} answers`, began))));
  await using client = httpClient({ server: `https://127.0.0.1:${config.apiPort}`, ca: credentials.ca, ...credentials.admin });
  await nodeReady(client, config.nodeName, signal);
  step(`node ${config.nodeName} is Ready`, began);
  process.stdout.write(`\nPoint docker and kubectl at it:  ${paint('bold', 'eval "$(davit env)"', process.stdout)}\n`);
}

function isAlive(role: RoleFile): boolean {
  return hostStartTime(role.pid) === role.startTime;
}

function startRole(role: (typeof roles)[number], config: Config): number {
  removeRole(config.runRoot, role);
  const { execPath, execArgv, argv } = process;
  // One malloc arena, trimmed early: the engine's peaks (a large build context) go back to the system.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '8', MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };
  return spawnDetached([execPath, ...execArgv, argv[1] ?? '', role, '--run-root', config.runRoot, '--data-root', config.dataRoot], {
    logPath: join(pathsOf(config).logs, `${role}.log`),
    env,
  });
}

/** Waits for the role file (inotify), and notices when the process dies first. */
async function roleUp(role: (typeof roles)[number], pid: number, config: Config, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    if (readRoles(config.runRoot).some((file) => file.role === role && file.pid === pid)) resolve();
    if (hostStartTime(pid) === undefined) reject(failedStart(role, config));
  };
  const watcher = watch(rolesFolder(config.runRoot), check);
  const liveness = setInterval(check, 200);
  signal.addEventListener('abort', () => reject(failedStart(role, config)), { once: true });
  check();
  try {
    await promise;
  } finally {
    watcher.close();
    clearInterval(liveness);
  }
}

function failedStart(role: string, config: Config): KindError {
  const log = join(pathsOf(config).logs, `${role}.log`);
  return new KindError(
    'unavailable',
    `davit ${role} did not start; the end of ${log}:\n${lastLines(log, 8)}\nRun \`davit doctor\` to see what this machine lacks.`,
  );
}

async function nodeReady(client: ReturnType<typeof httpClient>, name: string, signal: AbortSignal): Promise<void> {
  const list = await client.list(nodes, { fieldSelector: `metadata.name=${name}` });
  const isReady = (node: (typeof list.items)[number]): boolean =>
    node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
  if (list.items.some(isReady)) return;
  const options = { fieldSelector: `metadata.name=${name}`, resourceVersion: list.resourceVersion };
  for await (const event of client.watch(nodes, options, signal)) {
    if (event.type !== 'BOOKMARK' && isReady(event.object)) return;
  }
  throw new KindError(
    'unavailable',
    `node ${name} is not Ready after ${patienceMs / 1000} s: see \`kubectl describe node ${name}\` and node.log`,
  );
}

function step(text: string, began: number): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(2);
  process.stdout.write(`${paint('green', '✓', process.stdout)} ${text.padEnd(40)} ${paint('dim', `${seconds} s`, process.stdout)}\n`);
}
