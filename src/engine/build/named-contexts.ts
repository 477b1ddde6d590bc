import { mkdirSync } from 'node:fs';
import { KindError } from '../../base/errors.ts';
import type { Processes } from '../../kernel/processes.ts';
import { unpackTar } from '../archive/run-job.ts';
import type { NamedContext } from './builder.ts';
import { openRemote } from './remote-context.ts';

/** What a name of `--build-context` leads to: a tree on disk, or an image. */
export type NamedTree = { readonly directory: string } | { readonly image: string };

/** Brings all named contexts below `directory`, one after the other: their tars may come through one connection. */
export async function openNamedContexts(
  contexts: Readonly<Record<string, NamedContext>>,
  processes: Processes,
  directory: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, NamedTree>> {
  const trees = new Map<string, NamedTree>();
  for (const [index, [name, context]] of Object.entries(contexts).entries()) {
    if (!/^[\w][\w./:@-]*$/.test(name)) throw new KindError('invalid', `invalid context name "${name}"`);
    const path = `${directory}/named-${index}`;
    if ('image' in context) trees.set(name.toLowerCase(), { image: context.image });
    else {
      mkdirSync(path, { mode: 0o755 });
      if ('remote' in context) trees.set(name.toLowerCase(), { directory: await openRemote(context.remote, path, processes, signal) });
      else {
        await unpackTar(context.tar, path, { whiteouts: 'plain' }, signal);
        trees.set(name.toLowerCase(), { directory: path });
      }
    }
  }
  return trees;
}
