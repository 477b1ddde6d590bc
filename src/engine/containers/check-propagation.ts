import { KindError } from '../../base/errors.ts';
import type { MountPoint } from '../../kernel/mounts.ts';
import type { ResolvedMount } from './container.ts';

/** What is mounted later reaches a container, or the host from there, only through mounts that are shared so; in dockerd's words. */
export function checkPropagation(
  mounts: readonly ResolvedMount[],
  mountsOfHost: () => readonly MountPoint[],
  realPath: (path: string) => string = (path) => path,
): void {
  const spreading = mounts.filter(({ type, propagation }) => type === 'bind' && /^r?(shared|slave)$/.test(propagation));
  if (spreading.length === 0) return;
  // Long, where many containers run.
  const host = mountsOfHost();
  for (const { source, propagation } of spreading) {
    const path = realPath(source);
    const mount = mountBehind(host, path);
    const has = (kind: string): boolean => mount?.propagation.some((tag) => tag.startsWith(`${kind}:`)) ?? false;
    const isShared = propagation.endsWith('shared');
    if (has('shared') || (!isShared && has('master'))) continue;
    throw new KindError(
      'invalid',
      `path ${path} is mounted on ${mount?.target ?? '/'} but it is not a ${isShared ? 'shared' : 'shared or slave'} mount`,
    );
  }
}

/** The mount that a path is on: of those at one place the newest. */
function mountBehind(host: readonly MountPoint[], path: string): MountPoint | undefined {
  const around = host.filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`));
  return around.reduce<MountPoint | undefined>((best, each) => (best && best.target.length > each.target.length ? best : each), undefined);
}
