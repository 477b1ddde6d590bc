import type { HostConfig } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';
import type { ContainerSpec } from '../../engine/containers/container.ts';
import { defaultLogLimits } from '../../engine/logs/rotate-log.ts';

type Options = Readonly<Record<string, string>>;

const drivers = ['json-file', 'local', 'none'] as const;

/** What `docker logs --details` shows comes from these; `mode` and `compress` may only say what is so anyway. */
const accepted: Readonly<Record<string, (value: string) => boolean>> = {
  'max-size': () => true,
  'max-file': () => true,
  labels: () => true,
  env: () => true,
  tag: () => true,
  mode: (value) => value === 'blocking',
  compress: (value) => value === 'false',
};

/** Rotation is on unless `max-size=-1` turns it off. */
export function parseLogConfig(config: HostConfig['LogConfig']): Pick<ContainerSpec, 'logDriver' | 'logLimits'> {
  const type = config?.Type || 'json-file';
  const driver = drivers.find((name) => name === type);
  if (!driver) {
    throw new KindError('invalid', `logger: no log driver named '${type}' is registered; this engine has json-file, local and none`);
  }
  const options = config?.Config ?? {};
  if (driver !== 'none') checkOptions(driver, options);
  const maxBytes = options['max-size'] === '-1' ? Infinity : parseSize(options['max-size'] ?? '');
  const maxFiles = parseCount(options['max-file']);
  const isDefault = maxBytes === undefined && maxFiles === undefined;
  return {
    logDriver: driver,
    ...(!isDefault && {
      logLimits: {
        maxBytes: Math.min(maxBytes ?? defaultLogLimits.maxBytes, Number.MAX_SAFE_INTEGER),
        maxFiles: maxFiles ?? defaultLogLimits.maxFiles,
      },
    }),
  };
}

function checkOptions(driver: string, options: Options): void {
  for (const [name, value] of Object.entries(options)) {
    const accepts = accepted[name];
    if (!accepts)
      throw new KindError('invalid', `unknown log opt '${name}' for ${driver === 'local' ? 'log driver local' : `${driver} log driver`}`);
    if (!accepts(value)) throw new KindError('invalid', `log opt '${name}=${value}' is not supported by this engine; leave it out`);
  }
}

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** `10m` is 10,000,000 bytes, as Docker has it. */
function parseSize(text: string): number | undefined {
  if (text === '') return undefined;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgt]?)i?b?$/i.exec(text) ?? [];
  const bytes = Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN);
  if (!(bytes > 0)) throw new KindError('invalid', `invalid value for max-size: "${text}": want a size such as 10m`);
  return Math.floor(bytes);
}

function parseCount(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new KindError('invalid', `strconv.Atoi: parsing "${text}": invalid syntax (log opt max-file)`);
  if (Number(text) < 1) throw new KindError('invalid', 'max-file cannot be less than 1');
  return Number(text);
}

/** What `--details` puts before each line: `env` and `labels` name them, `tag` is a text. */
export function logDetails(options: Options, from: { readonly labels: Options; readonly env: readonly string[] }): string {
  const named = (name: string): readonly string[] => (options[name] ?? '').split(',').filter(Boolean);
  const labels = named('labels').flatMap((key) => (key in from.labels ? [[key, from.labels[key] ?? '']] : []));
  const env = named('env').flatMap((key) => {
    const entry = from.env.find((each) => each.startsWith(`${key}=`));
    return entry === undefined ? [] : [[key, entry.slice(key.length + 1)]];
  });
  const tag = options['tag'] ? [['tag', options['tag']]] : [];
  return [...labels, ...env, ...tag]
    .map(([key = '', value = '']) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
    .toSorted()
    .join(',');
}
