import { createReadStream, openSync, renameSync, rmSync } from 'node:fs';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { Processes } from '../../kernel/processes.ts';
import { unpackTar } from '../archive/run-job.ts';
import { downloadTo } from './download.ts';
import { checkOut, parseGitSource } from './git-source.ts';
import { isArchive, isUrl } from './sources.ts';

/** Brings a context from elsewhere into `path`: a git repository, a tar, or a Dockerfile alone. Returns its directory. */
export async function openRemote(remote: string, path: string, processes: Processes, signal: AbortSignal): Promise<string> {
  const git = parseGitSource(remote);
  if (git) {
    await checkOut(processes, git, path, { keepGitDirectory: false }, signal);
    return git.directory === '' ? path : insideOf(path, git.directory, remote);
  }
  if (!isUrl(remote))
    throw new KindError('invalid', `remote build context ${remote}: want a git repository, or a URL of a tar or of a Dockerfile`);
  const file = `${path}/.remote`;
  await downloadTo(remote, file, signal);
  if (await isArchive({ root: path, path: '.remote', isDirectory: false })) {
    const tar = createReadStream('', { fd: openSync(file, 'r') });
    rmSync(file);
    await unpackTar(tar, path, { whiteouts: 'plain' }, signal);
    return path;
  }
  renameSync(file, `${path}/Dockerfile`);
  return path;
}

function insideOf(path: string, directory: string, remote: string): string {
  using root = new Root(path);
  // The repository may have made the directory a link that leads out.
  const parts = directory.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
  if (parts.every((part) => root.stat(bytesOf(part))?.isDirectory())) return `${path}/${directory}`;
  throw new KindError('invalid', `${remote}: ${directory} is not a directory`);
}
