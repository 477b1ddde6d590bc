/** A step that failed: what was being done, what is wrong, what to do. */
export class DemoError extends Error {
  readonly doing: string;
  readonly advice: string;

  constructor(doing: string, wrong: string, advice: string) {
    super(wrong);
    this.name = 'DemoError';
    this.doing = doing;
    this.advice = advice;
  }

  text(): string {
    return `\nThe demo stopped while it wanted to ${this.doing}:\n${indent(this.message)}\n\n${this.advice}`;
  }
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
