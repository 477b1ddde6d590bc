import { arch } from 'node:process';
import { KindError } from '../../base/errors.ts';

/** Docker's name of this machine's architecture. */
export const architecture = arch === 'x64' ? 'amd64' : arch;

/** Containers run on this machine's kernel and processor only. */
export function checkPlatform(platform: string | null): string | undefined {
  if (!platform) return undefined;
  const given: { os?: string; architecture?: string } = platform.startsWith('{') ? (JSON.parse(platform) as object) : named(platform);
  if ((given.os ?? 'linux') === 'linux' && (given.architecture ?? architecture) === architecture) return `linux/${architecture}`;
  throw new KindError('invalid', `platform ${platform} is not supported: this engine runs linux/${architecture}`);
}

function named(platform: string): { os?: string; architecture?: string } {
  const [os, architectureName] = platform.split('/');
  return { os, architecture: architectureName };
}
