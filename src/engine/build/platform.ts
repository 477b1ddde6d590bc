import { KindError } from '../../base/errors.ts';
import { architecture } from '../images/import.ts';

const aliases: Readonly<Record<string, string>> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64' };

/** `linux/x86_64` → [linux, amd64]; what is not named is this machine's. */
export function parsePlatform(platform: string | undefined): readonly [os: string, architecture: string] {
  const [first = '', second] = (platform ?? '').toLowerCase().split('/');
  const [os, arch] = second === undefined && first !== 'linux' && first !== '' ? ['linux', first] : [first || 'linux', second];
  return [os, arch === undefined ? architecture() : (aliases[arch] ?? arch)];
}

/** Steps run on this machine's processor: another platform is refused by name. */
export function checkBuildPlatform(platform: string | undefined): void {
  if (parsePlatform(platform).join('/') === `linux/${architecture()}`) return;
  throw new KindError('notImplemented', `platform ${platform}: this machine builds for linux/${architecture()} only`, {
    details: { word: platform },
  });
}
