import { readdirSync, readFileSync } from 'node:fs';

/** One sample body of `POST /containers/create`, and how it shows that each of its fields was taken. */
export interface CreateCase {
  readonly title: string;
  readonly config?: object;
  readonly host?: object;
  readonly networking?: object;
  /** What `inspect` holds beyond the sample itself, or where it differs from it. Default: the sample, field for field. */
  readonly inspect?: object;
  /** A part of the runtime's config.json, once started. */
  readonly runtime?: object;
  /** A command inside, and what it prints. */
  readonly inside?: readonly [command: string, output: string];
  /** Instead of all that: 400, with these words. */
  readonly refused?: RegExp;
  /** Not started: it would end at once, or only `create` is meant. */
  readonly isOnlyCreated?: true;
}

/** Fields of the description that are answers, never wishes: what a client sends there is its own affair, with dockerd too. */
export const answersOnly: ReadonlySet<string> = new Set(
  [
    'NetworkID',
    'EndpointID',
    'Gateway',
    'IPAddress',
    'IPPrefixLen',
    'IPv6Gateway',
    'GlobalIPv6Address',
    'GlobalIPv6PrefixLen',
    'DNSNames[]',
  ].map((name) => `NetworkingConfig.EndpointsConfig{}.${name}`),
);

/** A running container on the network `fields-net` with shareable IPC and the volume `fields-donor` at /v. */
export const donor = 'donor';

/** A folder of the host with the file `f` in it. */
export const folder = '/tmp/dv-create-fields';

/** A disk of this host; it is named, never written. */
export const disk = firstDisk();

function firstDisk(): { readonly path: string; readonly number: { readonly major: number; readonly minor: number } } {
  const [name = 'sda'] = readdirSync('/sys/block').filter((each) => !/^(loop|ram|zram|sr|fd)/.test(each));
  const [major = 0, minor = 0] = readFileSync(`/sys/block/${name}/dev`, 'utf8').trim().split(':').map(Number);
  return { path: `/dev/${name}`, number: { major, minor } };
}
