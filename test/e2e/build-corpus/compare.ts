import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readTar } from '../../../src/engine/archive/read-tar.ts';

/** An exported root: path → type, mode, owner, size, content, link, attributes. */
export async function readExport(tar: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = {};
  for await (const { entry, body } of readTar(createReadStream(tar))) {
    const path = entry.name.replace(/^\.?\//, '').replace(/\/$/, '');
    const hash = createHash('sha256');
    for await (const chunk of body()) hash.update(chunk);
    if (path === '') continue;
    const { type, mode, uid, gid, size, linkName, attributes } = entry;
    const content = type === 'file' ? hash.digest('hex').slice(0, 12) : '';
    // Which of two hard links is the file depends on the order of the walk.
    files[path] =
      type === 'hardLink'
        ? 'hard link'
        : [type, mode.toString(8), `${uid}:${gid}`, size, content, linkName, JSON.stringify(attributes)].join(' ');
  }
  return files;
}

/** Config of `docker inspect`, as far as a Dockerfile decides it; empty and absent are alike. */
export function comparable(inspected: string): unknown {
  const [{ Config, Author, Os }] = JSON.parse(inspected) as [{ Config: Record<string, unknown>; Author: string; Os: string }];
  const names = [
    'User',
    'ExposedPorts',
    'Env',
    'Entrypoint',
    'Cmd',
    'Volumes',
    'WorkingDir',
    'Labels',
    'StopSignal',
    'Healthcheck',
    'Shell',
    'OnBuild',
  ];
  const isEmpty = (value: unknown): boolean =>
    value === null ||
    value === undefined ||
    value === '' ||
    value === '/' ||
    (typeof value === 'object' && Object.keys(value).length === 0);
  const kept = names.filter((name) => !isEmpty(Config[name])).map((name) => [name, Config[name]]);
  return { ...Object.fromEntries(kept), ...(Author ? { Author } : {}), Os };
}
