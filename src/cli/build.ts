import { writeFileSync } from 'node:fs';
import { KindError } from '../base/errors.ts';
import { pathsOf, type Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { runBuildSession } from './build/build-connection.ts';
import { openInputs } from './build/build-inputs.ts';
import { buildQuery, type BuildFlags } from './build/build-query.ts';
import { PlainProgress } from './build/plain-progress.ts';
import { checkText, type CheckReport } from './build/findings.ts';
import type { StepEvent } from './build/step-names.ts';
import { TreeProgress } from './build/tree-progress.ts';
import { paint } from './paint.ts';

interface Progress {
  take(event: StepEvent): void;
  close(): void;
}

/** `davit build`: the image's ID on standard output with -q and with --output json, progress on standard error. */
export async function build(path: string, config: Partial<Config>, flags: BuildFlags): Promise<void> {
  const query = buildQuery(flags, process.env);
  const inputs = await openInputs(path, flags, process.stdin);
  for (const [name, value] of Object.entries(inputs.query)) query.set(name, value);
  const progress = progressOf(flags);
  const began = performance.now();
  let [image, isClosed] = ['', false];
  let report: CheckReport | undefined;
  const close = (): void => {
    if (!isClosed) progress.close();
    isClosed = true;
  };
  try {
    const { dockerSocket } = pathsOf(machineConfig(config));
    for await (const message of runBuildSession(dockerSocket, query, inputs)) {
      if ('event' in message) progress.take(message.event as StepEvent);
      else if ('imageId' in message) image = message.imageId;
      else if ('checked' in message) report = message.checked as CheckReport;
    }
  } catch (error) {
    close();
    tellFailure(error);
    throw error;
  }
  close();
  if (report) return tellFindings(report, flags);
  if (flags.iidfile !== undefined) writeFileSync(flags.iidfile, image);
  if (flags.output === 'json')
    process.stdout.write(`${JSON.stringify({ image, names: flags.tag ?? [], milliseconds: Math.round(performance.now() - began) })}\n`);
  else if (flags.quiet) process.stdout.write(`${image}\n`);
}

/** As docker's: what was found is the command's exit code too. */
function tellFindings(report: CheckReport, flags: BuildFlags): void {
  process.stdout.write(flags.output === 'json' ? `${JSON.stringify(report)}\n` : checkText(report));
  if (report.findings.length > 0) process.exitCode = 1;
}

function progressOf(flags: BuildFlags): Progress {
  if (flags.quiet || flags.progress === 'quiet' || flags.output === 'json') return { take: () => undefined, close: () => undefined };
  const { stderr } = process;
  if (flags.progress === 'tty' || (flags.progress !== 'plain' && stderr.isTTY))
    return new TreeProgress({
      get columns() {
        return stderr.columns ?? 80;
      },
      get rows() {
        return stderr.rows ?? 24;
      },
      write: (text) => void stderr.write(text),
    });
  return new PlainProgress((text) => void stderr.write(text));
}

/** A command that failed: where it stands in the file, and what it said last. */
function tellFailure(error: unknown): void {
  if (!(error instanceof KindError)) return;
  const { output = [], excerpt, exitCode } = (error.details ?? {}) as { output?: readonly string[]; excerpt?: string; exitCode?: number };
  if (exitCode === undefined) return;
  const rule = paint('dim', '─'.repeat(40), process.stderr);
  const said = output.filter((line) => line !== '').map((line) => `  ${line}\n`);
  process.stderr.write(`${rule}\n${said.join('')}${said.length > 0 ? `${rule}\n` : ''}${excerpt === undefined ? '' : `${excerpt}\n`}`);
}
