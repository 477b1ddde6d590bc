/** What the build checks of davit found (engine/build/run-checks.ts). */
export interface CheckReport {
  readonly file: string;
  readonly findings: readonly Finding[];
  readonly isError: boolean;
}

interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly line: number;
  readonly lastLine: number;
  readonly url: string;
  readonly excerpt: string;
}

/** Under a build's progress: one line a finding. */
export function warningText({ findings }: CheckReport): string {
  if (findings.length === 0) return '';
  const count = findings.length === 1 ? '1 warning' : `${findings.length} warnings`;
  const lines = findings.map(({ rule, message, line }) => ` - ${rule}: ${message} (line ${line})\n`);
  return `\n ${count} found (davit build --check says more):\n${lines.join('')}`;
}

/** What `davit build --check` prints. */
export function checkText({ findings }: CheckReport): string {
  if (findings.length === 0) return 'Check complete, no warnings found.\n';
  const count = findings.length === 1 ? '1 warning has been found!' : `${findings.length} warnings have been found!`;
  const told = findings.map(
    ({ rule, message, url, excerpt }) => `\nWARNING: ${rule}${url === '' ? '' : ` - ${url}`}\n${message}\n${excerpt}\n`,
  );
  return `Check complete, ${count}\n${told.join('')}`;
}
