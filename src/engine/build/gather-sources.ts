import { basename } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { bytesOf } from '../../kernel/files.ts';
import { ignoredBy } from './context.ts';
import { downloadTo } from './download.ts';
import { checkOut, parseGitSource } from './git-source.ts';
import { heredocStart } from './heredoc.ts';
import type { Instruction } from './instruction.ts';
import { wordError } from './place.ts';
import type { StageRun } from './run-stage.ts';
import type { SourceTree } from './source-tree.ts';
import { findSources, isUrl, noSources, urlName, type Source } from './sources.ts';
import { expandText, fields } from './words.ts';

/** Files of the context or stage, downloads, repositories and here-documents, in the order they are written. */
export async function gatherSources(
  stage: StageRun,
  instruction: Instruction,
  words: readonly string[],
  tree: SourceTree,
): Promise<readonly Source[]> {
  const { keyword, flags } = instruction;
  const checksum = flags['checksum'] === undefined ? undefined : checksumOf(stage.word(flags['checksum']));
  const remotes = keyword === 'ADD' && flags['from'] === undefined;
  if (checksum !== undefined && (words.length !== 1 || !isRemote(words[0] ?? '')))
    throw wordError('--checksum', 'checksum can be given for a single HTTP(S) URL or git repository only');
  const sources: Source[] = [];
  for (const [index, word] of words.entries()) {
    // `<<"EOF"` has lost its quotes once it is expanded.
    const start = heredocStart(instruction.json ? '' : (fields(instruction.rest)[index] ?? word));
    const heredoc = start && instruction.heredocs.find(({ name }) => name === start.name);
    if (heredoc)
      sources.push(written(stage, heredoc.name, heredoc.expands ? expandText(heredoc.content, stage.variables) : heredoc.content));
    else if (remotes && parseGitSource(word)) sources.push(await repository(stage, instruction, word, checksum));
    else if (remotes && isUrl(word)) sources.push(await download(stage, word, checksum));
    else sources.push(...local(stage, instruction, word, tree));
  }
  const [first = ''] = words;
  if (sources.length === 0) throw withIgnored(stage, tree, first, noSources(first, keyword));
  return sources;
}

function local(stage: StageRun, { keyword, flags }: Instruction, word: string, tree: SourceTree): readonly Source[] {
  if (isUrl(word)) throw wordError(word, `source can't be a URL for ${keyword}`);
  if (/^(?:git|ssh):\/\/|^git@/.test(word)) throw wordError(word, `source can't be a git ref for ${keyword}`);
  try {
    return findSources(tree.directory, word, { keyword, parents: flags['parents'] === 'true' });
  } catch (error) {
    throw error instanceof KindError ? withIgnored(stage, tree, word, error) : error;
  }
}

/** Names the line of the ignore file that keeps the source out. */
function withIgnored(stage: StageRun, tree: SourceTree, word: string, error: KindError): KindError {
  const line = tree.directory === stage.run.context.root ? ignoredBy(stage.run.context.ignore, word) : undefined;
  if (line === undefined) return error;
  return new KindError(error.kind, `${error.message}: it is left out by ${line}`, { cause: error, details: error.details });
}

function written(stage: StageRun, name: string, content: string): Source {
  const path = stage.written(name, content, 0o644);
  return { root: path.slice(0, path.lastIndexOf('/')), path: bytesOf(name), isDirectory: false, isUrl: false };
}

async function download(stage: StageRun, url: string, checksum: string | undefined): Promise<Source> {
  const [directory, name] = [stage.directory(), urlName(url)];
  const digest = await downloadTo(url, `${directory}/${name}`, stage.run.signal);
  if (checksum !== undefined && checksum !== digest)
    throw wordError('--checksum', `digest mismatch for ${url}: expected ${checksum}, got ${digest}`);
  return { root: directory, path: bytesOf(name), isDirectory: false, isUrl: true };
}

async function repository(stage: StageRun, { flags }: Instruction, word: string, checksum: string | undefined): Promise<Source> {
  const git = parseGitSource(word);
  if (!git) throw new Error(`${word} is not a git repository`);
  const directory = stage.directory();
  const options = { keepGitDirectory: flags['keep-git-dir'] === 'true' };
  const commit = await checkOut(stage.run.parts.kernel.processes, git, directory, options, stage.run.signal);
  if (checksum !== undefined && !commit.startsWith(checksum))
    throw wordError('--checksum', `commit mismatch for ${git.url}: expected ${checksum}, got ${commit}`);
  return { root: directory, path: bytesOf(git.directory), isDirectory: true, isUrl: true };
}

function isRemote(word: string): boolean {
  return isUrl(word) || parseGitSource(word) !== undefined;
}

function checksumOf(text: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(text) || /^[0-9a-f]{7,64}$/.test(text)) return text;
  throw wordError('--checksum', `invalid checksum "${basename(text)}": want sha256: and 64 hex digits, or a commit`);
}
