import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Counts, countsOf, none, sum } from './counts.ts';
import type { TestPlan } from './test-files.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Lab numbers that no test takes by itself. */
const firstLab = 240;

function labCommand(lab: number): readonly string[] {
  return ['bash', `${root}tools/lab.sh`, `tests-${lab}`, String(lab)];
}

/** Runs the files by the plan; shows one line per process, and all it said when something failed. */
export async function runFiles(plan: TestPlan, files: readonly string[]): Promise<Counts> {
  const batches = plan.together ? [files] : files.map((file) => [file]);
  const waiting = batches.values();
  let total = none;
  const worker = async (_: unknown, index: number): Promise<void> => {
    const lab = plan.labs ? firstLab + index : undefined;
    for (const batch of waiting) {
      const counts = await runBatch(batch, plan.timeoutMs, lab);
      total = sum(total, counts);
    }
  };
  await Promise.all(Array.from({ length: plan.concurrency }, worker));
  return total;
}

async function runBatch(files: readonly string[], timeoutMs: number, lab: number | undefined): Promise<Counts> {
  const began = performance.now();
  const { output, code, timedOut } = await runNode(files, timeoutMs, lab);
  const counts = verdict(countsOf(output), code);
  const title = files.length === 1 ? (files[0] ?? '') : `${files.length} files`;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (counts.failed === 0) {
    console.log(`  ✓ ${title.padEnd(60)} ${String(counts.passed).padStart(4)} ${seconds.padStart(6)} s`);
    for (const line of diagnostics(output)) console.log(`      ${line}`);
    return counts;
  }
  const why = timedOut ? `ended after ${timeoutMs / 1000} s, its limit` : `${counts.failed} failed`;
  console.log(`  ✗ ${title}: ${why}\n${output}`);
  return counts;
}

/** What tests told by `context.diagnostic`, such as a measured time; not the reporter's own summary. */
function diagnostics(output: string): readonly string[] {
  return [...output.matchAll(/^ℹ (?!(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$)(.*)$/gm)].map(
    ([, text = '']) => text,
  );
}

/** A process that ended badly without a failed test (a crash, a limit, an error at import) is one failure more. */
function verdict(counts: Counts | undefined, code: number | null): Counts {
  const known = counts ?? none;
  return code !== 0 && known.failed === 0 ? { ...known, failed: 1 } : known;
}

async function runNode(
  files: readonly string[],
  timeoutMs: number,
  lab: number | undefined,
): Promise<{ readonly output: string; readonly code: number | null; readonly timedOut: boolean }> {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-isolation=none', '--test-reporter=spec'];
  const argv = [...(lab === undefined ? [] : labCommand(lab)), process.execPath, ...flags, ...files];
  const child = spawn('env', argv, {
    cwd: root,
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  // The whole group: what a hanging test started would otherwise outlive it. SIGINT first lets `after` hooks run.
  let timedOut = false;
  const signalGroup = (signal: NodeJS.Signals): void => {
    timedOut = true;
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
  };
  const gentle = setTimeout(() => signalGroup('SIGINT'), timeoutMs);
  const firm = setTimeout(() => signalGroup('SIGKILL'), timeoutMs + 10_000);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  try {
    const code = await promise;
    return { output: Buffer.concat(chunks).toString(), code, timedOut };
  } finally {
    clearTimeout(gentle);
    clearTimeout(firm);
    if (lab !== undefined) execFileSync('bash', [...labCommand(lab).slice(1), '--down']);
  }
}
