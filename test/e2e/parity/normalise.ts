/** Takes out of an engine's words what differs between any two runs: IDs, times, places on the host. */
const anyRun: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/\b\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]| ?[+-]\d\d:?\d\d(?: UTC)?)?/g, '<time>'],
  [/\/tmp\/(?:dv-|tmp\.)[^\s",:]*/g, '<path>'],
  [/^time="<time>" level=error msg="can.t .*\n/gm, ''],
  [/failed to create task for container: /g, ''],
  [/: unknown$/gm, ''],
  [/"execDuration":"\d+",/g, ''],
];

/** Debian's dockerd is 20.10: what newer ones, whose clients come here, say in other words. */
const newerWords: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/{"Error":null,"StatusCode":(\d+)}/g, '{"StatusCode":$1}'],
  [/^(error response from daemon: )(invalid signal: (?:none|0))$/gm, '$1cannot kill container: c1: $2'],
  [
    /you cannot remove a (running|paused) container <id>\..*/g,
    'cannot remove container "c1": container is $1: stop the container before removing or force remove',
  ],
  [
    /maximum retry count cannot be used with restart policy 'always'/,
    "invalid restart policy: maximum retry count can only be used with 'on-failure'",
  ],
  [
    /invalid restart policy 'nonsense'/,
    "invalid restart policy: unknown policy 'nonsense'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
  ],
  [/for cpuset cpus: invalid format: x/, 'for cpuset cpus'],
  [/invalid container name \(\//, 'invalid container name ('],
  [/invalid value for filter 'dangling', must be "true" \(or "1"\), or "false" \(or "0"\)/, "invalid filter 'dangling=[x]'"],
  [
    /(?<=daemon: )(pool overlaps with other one on this address space)/,
    'invalid pool request: $1: 10.45.0.128/25 overlaps with 10.45.0.0/24 of network there',
  ],
  [/invalid subnet (\S+) : invalid cidr address: \S+/g, 'invalid network config:\ninvalid subnet $1: invalid cidr block notation'],
  [/(network n1 id <id> has active endpoints)$/gm, '$1 (name:"c1")'],
  [/(?<=daemon: )(user specified ip address)/, 'invalid config for network bridge: invalid endpoint settings:\n$1'],
  [/no such container nobody/, 'no such container: nobody'],
];

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Errors in small letters: in which of them the first one is a capital has changed from version to version. */
export function normalise({ code, stdout, stderr }: Said): string {
  return replaced(`${stdout}--- errors\n${stderr.toLowerCase()}--- code ${code}\n`, anyRun);
}

export function inNewerWords(normalised: string): string {
  return replaced(normalised, newerWords);
}

function replaced(text: string, substitutions: typeof anyRun): string {
  return substitutions.reduce((sum, [pattern, replacement]) => sum.replace(pattern, replacement), text);
}
