import { closeSync, constants, readSync } from 'node:fs';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { InnerFile } from '../archive/jobs.ts';
import { runJob } from '../archive/run-job.ts';
import type { StageRun } from './run-stage.ts';
import { isArchive, type Source } from './sources.ts';

/** What davit leaves to the machine's own programs, by the first bytes of a file. */
const programs = [
  { magic: 'fd377a585a00', program: 'xz', name: 'archive.xz', package: 'xz-utils' },
  { magic: '425a68', program: 'bzip2', name: 'archive.bz2', package: 'bzip2' },
] as const;

/** Whether ADD unpacks it: a tar, plain or compressed in any of the four ways. */
export async function isPacked(stage: StageRun, source: Source): Promise<boolean> {
  if (programOf(source) === undefined) return isArchive(source);
  const file = await openArchive(stage, source);
  return isArchive({ ...file, isDirectory: false });
}

/** The source itself, or a decompressed copy in the build's directory. */
export async function openArchive(stage: StageRun, source: Source): Promise<InnerFile> {
  const known = programOf(source);
  if (!known) return source;
  const directory = stage.directory();
  const items = [{ source: source.path, target: known.name }];
  await runJob({ do: 'copy', from: source.root, to: directory, items }, undefined, stage.run.signal);
  const argv = [known.program, '--decompress', '--force', `${directory}/${known.name}`];
  const { exitCode, stderr } = await stage.run.parts.kernel.processes.run(argv, {}, stage.run.signal).catch((error: unknown) => {
    throw new KindError('unavailable', `ADD: ${known.program} is needed to unpack this archive: apt-get install ${known.package}`, {
      cause: error,
    });
  });
  if (exitCode !== 0) throw new KindError('invalid', `ADD: ${known.program} cannot decompress the archive: ${stderr.trim()}`);
  return { root: directory, path: bytesOf('archive') };
}

function programOf(source: Source): (typeof programs)[number] | undefined {
  if (source.isDirectory) return undefined;
  using root = new Root(source.root);
  const fd = root.open(source.path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const start = Buffer.alloc(6);
    readSync(fd, start, 0, start.length, 0);
    return programs.find(({ magic }) => start.toString('hex').startsWith(magic));
  } finally {
    closeSync(fd);
  }
}
