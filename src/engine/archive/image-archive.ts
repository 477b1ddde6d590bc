import { mkdirSync } from 'node:fs';
import { posix } from 'node:path';
import { hexOf, type Digest } from '../../base/digest.ts';
import { KindError, wrap } from '../../base/errors.ts';
import { textOf } from '../../kernel/files.ts';
import { compressionOf, decompressed } from './compression.ts';
import { decodeHeader } from './header.ts';
import type { DigestResult } from './jobs.ts';
import { readTar, type TarMember } from './read-tar.ts';
import { TarHash } from './tar-hash.ts';
import { unpackLayer } from './unpack-layer.ts';

/** A layer of an archive, unpacked at `<directory>/<folder>/{diff,frames}`; without a folder it is known already. */
export interface ArchivedLayer extends DigestResult {
  readonly folder: string | undefined;
}

/** What `docker save` and its like wrote. Names are paths inside the archive. */
export interface ImageArchive {
  /** Small files: manifests, configs, indexes. */
  readonly documents: Readonly<Record<string, string>>;
  readonly layers: Readonly<Record<string, ArchivedLayer>>;
  /** Links between members. */
  readonly links: Readonly<Record<string, string>>;
}

export interface ImageArchiveJob {
  readonly directory: string;
  /** Hex digests of layers that are here: where a blob's name says it is one, it is not unpacked again. */
  readonly known: readonly string[];
}

const mostDocumentBytes = 16 << 20;
const mostBytesOfDocuments = 64 << 20;

/**
 * Takes an archive of images apart in one pass: layers go straight into directories, although the table of contents
 * that tells what they are comes last. A layer is told from a document by how it begins.
 */
export async function unpackImageArchive(source: AsyncIterable<Uint8Array>, job: ImageArchiveJob): Promise<ImageArchive> {
  const documents: Record<string, string> = {};
  const layers: Record<string, ArchivedLayer> = {};
  const links: Record<string, string> = {};
  const known = new Set(job.known);
  let documentBytes = 0;
  let arrived = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      arrived += chunk.length;
      yield chunk;
    }
  };
  for await (const member of readTar(decompressed(counted()))) {
    const { type, linkName } = member.entry;
    const name = insideName(member.entry.name);
    if (type === 'symlink') links[name] = insideName(linkName.startsWith('/') ? linkName : posix.join(posix.dirname(name), linkName));
    if (type === 'hardLink') links[name] = insideName(linkName);
    if (type !== 'file') continue;
    try {
      const blob = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
      const [start, body] = await beginning(member);
      const digest: Digest | undefined = blob === undefined ? undefined : `sha256:${blob}`;
      if (isLayer(start)) {
        layers[name] = await layerFrom(body, digest, {
          directory: job.directory,
          folder: String(Object.keys(layers).length),
          known,
          arrived: () => arrived,
        });
        continue;
      }
      documentBytes += member.bodySize;
      if (member.bodySize > mostDocumentBytes || documentBytes > mostBytesOfDocuments) continue;
      documents[name] = await text(body);
    } catch (error) {
      throw wrap(error, `${textOf(name)} in the archive`);
    }
  }
  return { documents, layers, links };
}

interface LayerPlace {
  readonly directory: string;
  readonly folder: string;
  readonly known: ReadonlySet<string>;
  /** Bytes of the whole archive that have come so far. */
  arrived(): number;
}

async function layerFrom(
  body: AsyncIterable<Buffer>,
  digest: Digest | undefined,
  { directory, folder, known, arrived }: LayerPlace,
): Promise<ArchivedLayer> {
  if (digest !== undefined && known.has(hexOf(digest))) {
    const hash = new TarHash();
    for await (const chunk of body) hash.update(chunk);
    const result = hash.result();
    if (result.diffId !== digest) throw damaged(digest, result.diffId);
    return { folder: undefined, bytes: 0, ...result };
  }
  const root = `${directory}/${folder}`;
  mkdirSync(`${root}/diff`, { recursive: true, mode: 0o755 });
  const outer = new TarHash();
  const target = { root: `${root}/diff`, frames: `${root}/frames`, options: { whiteouts: 'overlay' } } as const;
  const [start, whole] = await beginning({ body: () => body });
  const isPlain = compressionOf(start) === 'none';
  const { diffId, tarBytes, bytes } = await unpackLayer(digest === undefined || isPlain ? whole : outer.through(whole), target, arrived);
  const found = isPlain ? diffId : outer.result().diffId;
  if (digest !== undefined && found !== digest) throw damaged(digest, found);
  return { folder, diffId, tarBytes, bytes };
}

function damaged(digest: Digest, found: Digest): KindError {
  return new KindError('invalid', `archive is damaged: blob ${digest} has content with digest ${found}`);
}

/** Compressed, or a tar: with a header whose checksum is right, or empty (zeros). */
function isLayer(start: Buffer): boolean {
  if (compressionOf(start) !== 'none') return true;
  if (start.length < 512) return false;
  try {
    decodeHeader(start.subarray(0, 512), 0);
    return true;
  } catch {
    return false;
  }
}

/** The first 512 bytes, and the whole from its start. */
async function beginning(member: Pick<TarMember, 'body'>): Promise<readonly [Buffer, AsyncIterable<Buffer>]> {
  const iterator = member.body()[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < 512) {
    const next = await iterator.next();
    if (next.done) break;
    chunks.push(next.value);
    size += next.value.length;
  }
  const whole = async function* (): AsyncGenerator<Buffer> {
    yield* chunks;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
  };
  return [Buffer.concat(chunks), whole()];
}

async function text(body: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(body)).toString('utf8');
}

/** `./a/../b` → `b`; what leads out of the archive comes back inside. */
function insideName(name: string): string {
  return posix.join('/', name).slice(1);
}
