import { KindError } from '../../base/errors.ts';

/** Flags of `davit build` that the classic protocol knows, as commander gives them. */
export interface BuildFlags {
  readonly tag?: readonly string[];
  readonly file?: string;
  readonly target?: string;
  readonly buildArg?: readonly string[];
  readonly label?: readonly string[];
  readonly cacheFrom?: readonly string[];
  readonly cache?: boolean;
  /** Of --no-cache-filter: its name without the no. */
  readonly cacheFilter?: readonly string[];
  readonly pull?: boolean;
  readonly network?: string;
  readonly addHost?: readonly string[];
  readonly ulimit?: readonly string[];
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly cpuShares?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly shmSize?: string;
  readonly platform?: string;
  readonly squash?: boolean;
  readonly buildContext?: readonly string[];
  readonly secret?: readonly string[];
  readonly ssh?: readonly string[];
  readonly progress?: 'auto' | 'plain' | 'tty' | 'quiet';
  readonly quiet?: boolean;
  readonly check?: boolean;
  readonly iidfile?: string;
  readonly output?: 'text' | 'json';
}

/** The query of `POST /build`. SOURCE_DATE_EPOCH of the environment counts as an argument, as with docker buildx. */
export function buildQuery(flags: BuildFlags, environment: Readonly<Record<string, string | undefined>>): URLSearchParams {
  if (flags.squash) throw new KindError('notImplemented', '--squash is not supported: use a stage of its own and COPY --from');
  const epoch = environment['SOURCE_DATE_EPOCH'];
  const args = { ...(epoch !== undefined && { SOURCE_DATE_EPOCH: epoch }), ...pairs(flags.buildArg ?? [], environment) };
  const given: readonly (readonly [string, string | undefined])[] = [
    ...(flags.tag ?? []).map((name) => ['t', name] as const),
    ['target', flags.target],
    ['buildargs', JSON.stringify(args)],
    ['labels', JSON.stringify(pairs(flags.label ?? [], {}))],
    ['cachefrom', JSON.stringify((flags.cacheFrom ?? []).map(cacheSource))],
    ['nocache', flags.cache === false ? '1' : undefined],
    ...(flags.cacheFilter ?? []).flatMap((names) => names.split(',')).map((name) => ['nocachefilter', name] as const),
    ['check', flags.check ? '1' : undefined],
    ['pull', flags.pull ? '1' : undefined],
    ['networkmode', flags.network],
    ['extrahosts', flags.addHost?.join(',')],
    ['ulimits', JSON.stringify((flags.ulimit ?? []).map(ulimit))],
    ['memory', size('memory', flags.memory)],
    ['memswap', flags.memorySwap === '-1' ? '-1' : size('memory-swap', flags.memorySwap)],
    ['cpushares', flags.cpuShares],
    ['cpuperiod', flags.cpuPeriod],
    ['cpuquota', flags.cpuQuota],
    ['cpusetcpus', flags.cpusetCpus],
    ['cpusetmems', flags.cpusetMems],
    ['shmsize', size('shm-size', flags.shmSize)],
    ['platform', flags.platform],
  ];
  return new URLSearchParams(given.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** `A=1`, or `A` alone for the value of the environment. */
function pairs(given: readonly string[], environment: Readonly<Record<string, string | undefined>>): Record<string, string | null> {
  return Object.fromEntries(
    given.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, environment[text] ?? null] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** `type=registry,ref=app:1` or `app:1`. */
function cacheSource(text: string): string {
  if (!text.includes('=')) return text;
  const fields = Object.fromEntries(text.split(',').map((field) => field.split('=', 2) as [string, string]));
  if (fields['type'] === 'registry' && fields['ref']) return fields['ref'];
  throw new KindError('notImplemented', `--cache-from ${text}: only images are supported: type=registry,ref=NAME`);
}

/** `nofile=1024:2048`. */
function ulimit(text: string): object {
  const [, name, soft, hard] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw new KindError('invalid', `invalid ulimit argument: ${text}: want for example nofile=1024:2048`);
  return { Name: name, Soft: Number(soft), Hard: Number(hard ?? soft) };
}

const units: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function size(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit = 'b'] = /^(\d+(?:\.\d+)?)([bkmg]?)b?$/i.exec(text) ?? [];
  if (amount === undefined) throw new KindError('invalid', `invalid size for --${flag}: "${text}": want for example 64m`);
  return String(Math.round(Number(amount) * (units[unit.toLowerCase() || 'b'] ?? 1)));
}
