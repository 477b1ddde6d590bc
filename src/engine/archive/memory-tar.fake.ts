import { Readable } from 'node:stream';
import type { TarEntry } from './entry.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from './write-tar.ts';

export type Member = Partial<TarEntry> & { readonly name: string; readonly data?: string };

/** A tar made of a few members, valid or not. */
export function memoryTarBytes(...members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ data = '', ...entry }) => {
    const size = Buffer.byteLength(data);
    return [encodeEntry(entryOf({ size, ...entry })), Buffer.from(data), padding(size)];
  });
  return Buffer.concat([...blocks, endOfArchive()]);
}

export function memoryTar(...members: readonly Member[]): Readable {
  return Readable.from([memoryTarBytes(...members)]);
}
