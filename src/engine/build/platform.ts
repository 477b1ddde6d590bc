import { KindError } from '../../base/errors.ts';
import { architecture } from '../images/import.ts';

const aliases: Readonly<Record<string, string>> = { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64' };

/** Steps run on this machine's processor: another platform is refused by name. */
export function checkBuildPlatform(platform: string | undefined): void {
  if (platform === undefined || platform === '') return;
  const [os = '', arch] = platform.toLowerCase().split('/');
  const [wantedOs, wantedArch] = arch === undefined && os !== 'linux' ? ['linux', os] : [os, arch ?? architecture()];
  if (wantedOs === 'linux' && (aliases[wantedArch] ?? wantedArch) === architecture()) return;
  throw new KindError('notImplemented', `platform ${platform}: this machine builds for linux/${architecture()} only`, {
    details: { word: platform },
  });
}
