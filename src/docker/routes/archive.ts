import { KindError } from '../../base/errors.ts';
import type { PathStat } from '../../engine/containers/containers.ts';
import { flagParam, param, type Call } from '../call.ts';
import { goFileMode } from '../encode/file-mode.ts';
import type { Route } from '../router.ts';

export const archiveRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/containers/:id/export', handle: exportContainer },
  { method: 'HEAD', pattern: '/containers/:id/archive', handle: statPath },
  { method: 'GET', pattern: '/containers/:id/archive', handle: readArchive },
  { method: 'PUT', pattern: '/containers/:id/archive', handle: writeArchive },
];

async function exportContainer(call: Call): Promise<void> {
  const tar = await call.engine.containers.export(param(call, 'id'), call.signal);
  await call.reply.pipe(tar, 'application/octet-stream');
}

async function statPath(call: Call): Promise<void> {
  const stat = await call.engine.containers.statPath(param(call, 'id'), pathParam(call));
  call.reply.header('X-Docker-Container-Path-Stat', encodeStat(stat));
  call.reply.empty(200);
}

async function readArchive(call: Call): Promise<void> {
  const { stat, tar } = await call.engine.containers.readArchive(param(call, 'id'), pathParam(call), call.signal);
  call.reply.header('X-Docker-Container-Path-Stat', encodeStat(stat));
  await call.reply.pipe(tar, 'application/x-tar');
}

async function writeArchive(call: Call): Promise<void> {
  const options = {
    noOverwriteDirNonDir: flagParam(call.query, 'noOverwriteDirNonDir'),
    copyOwnership: flagParam(call.query, 'copyUIDGID'),
  };
  await call.engine.containers.writeArchive(param(call, 'id'), pathParam(call), call.body, options, call.signal);
  call.reply.empty(200);
}

function pathParam(call: Call): string {
  const path = call.query.get('path');
  if (path) return path;
  throw new KindError('invalid', 'missing "path" in query');
}

function encodeStat(stat: PathStat): string {
  const wire = {
    name: stat.name,
    size: stat.size,
    mode: goFileMode(stat.mode),
    mtime: stat.modifiedAt.toISOString(),
    linkTarget: stat.linkTarget,
  };
  return Buffer.from(JSON.stringify(wire)).toString('base64');
}
