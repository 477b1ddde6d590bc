import { arch } from 'node:process';
import { KindError } from '../../base/errors.ts';
import type { Image } from '../../engine/images/images.ts';

/** Docker's name of this machine's architecture. */
export const architecture = arch === 'x64' ? 'amd64' : arch;

/** Containers run on this machine's kernel and processor only. */
export function checkPlatform(platform: string | null): string | undefined {
  if (!platform) return undefined;
  const given = platformOf(platform);
  if ((given.os ?? 'linux') === 'linux' && (given.architecture ?? architecture) === architecture) return `linux/${architecture}`;
  throw new KindError('invalid', `platform ${platform} is not supported: this engine runs linux/${architecture}`);
}

/** Clients name a platform where an image may have several; here each has one. */
export function checkImagePlatform(platform: string | null, name: string, { config }: Pick<Image, 'config'>): void {
  if (!platform) return;
  const given = platformOf(platform);
  if ((given.os ?? config.os) === config.os && (given.architecture ?? config.architecture) === config.architecture) return;
  const wanted = [given.os, given.architecture].filter(Boolean).join('/');
  throw new KindError('notFound', `image with reference ${name} was found but does not provide the specified platform (${wanted})`);
}

function platformOf(platform: string): { os?: string; architecture?: string } {
  return platform.startsWith('{') ? (JSON.parse(platform) as object) : named(platform);
}

function named(platform: string): { os?: string; architecture?: string } {
  const [os, architectureName] = platform.split('/');
  return { os, architecture: architectureName };
}
