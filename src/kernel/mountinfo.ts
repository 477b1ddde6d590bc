import type { MountPoint } from './mounts.ts';

/**
 * /proc/self/mountinfo, proc(5):
 * `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
 */
export function parseMountInfo(text: string): readonly MountPoint[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);
}

function parseLine(line: string): MountPoint {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const field = (index: number): string => unescape(fields[index] ?? '');
  const superOptions = field(separator + 3).split(',');
  const options = field(5).split(',');
  return {
    id: Number(fields[0]),
    type: field(separator + 1),
    source: field(separator + 2),
    target: field(4),
    root: field(3),
    propagation: fields.slice(6, separator),
    options: [...new Set([...options, ...superOptions.filter((option) => option !== 'ro' && option !== 'rw')])],
  };
}

/** Space, tab, newline and backslash come as `\040`. */
function unescape(text: string): string {
  return text.includes('\\') ? text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))) : text;
}
