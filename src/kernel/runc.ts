import { KindError, type ErrorKind } from '../base/errors.ts';

/** Words of runc and crun that tell what kind of failure it is. */
const kinds: readonly (readonly [RegExp, ErrorKind])[] = [
  [/container .*does not exist|container not running|process already finished|not in a running state/i, 'notFound'],
  [/already exists|already in use|already exist/i, 'alreadyExists'],
  [/executable file not found|no such file or directory|permission denied|is a directory|not a directory|exec format error/i, 'invalid'],
  [/unable to find user|unable to find group|invalid .*spec|chdir to cwd|cwd must be/i, 'invalid'],
  [/cannot (exec|pause|start) .*(stopped|paused|running) container|container not paused|stopped container/i, 'conflict'],
];

/** The runtime's own words, out of its log lines: `time="…" level=error msg="exec failed: …"`. */
export function runtimeError(stderr: string): KindError {
  const text = runtimeMessage(stderr);
  return new KindError(kinds.find(([pattern]) => pattern.test(text))?.[1] ?? 'internal', text);
}

export function runtimeMessage(stderr: string): string {
  const lines = [...stderr.matchAll(/level=(?:error|fatal) msg=("(?:[^"\\]|\\.)*"|\S+)/g)].map((match) => unquote(match[1] ?? ''));
  return lines.at(-1) ?? (stderr.trim() || 'the runtime failed without a reason');
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return (JSON.parse(text) as string).trim();
  } catch {
    return text.slice(1, -1);
  }
}
