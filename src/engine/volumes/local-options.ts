import { KindError } from '../../base/errors.ts';
import type { Mount } from '../../kernel/mounts.ts';

type Options = Readonly<Record<string, string>>;

/** Options of the `local` driver: together they are one mount. Which need which, as dockerd has it. */
const needs: Readonly<Record<string, readonly string[]>> = { type: ['device'], device: ['type'], o: ['device', 'type'] };

export function checkLocalOptions(name: string, options: Options): void {
  for (const [option, value] of Object.entries(options)) {
    if (option === 'size') throw new KindError('invalid', `create ${name}: quota size requested but no quota support`);
    const required = needs[option];
    if (!required) throw new KindError('invalid', `create ${name}: invalid option: "${option}"`);
    const missing = value === '' ? undefined : required.find((other) => !options[other]);
    if (missing) throw new KindError('invalid', `create ${name}: missing required option: "${missing}"`);
  }
}

/** `type=tmpfs device=tmpfs o=size=100m,uid=1000` → the mount at the volume's folder; undefined for a plain folder. */
export function localMount(options: Options, target: string): Mount | undefined {
  const { type, device, o = '' } = options;
  if (!type || !device) return undefined;
  return { type, source: device, target, options: o.split(',').filter(Boolean) };
}
