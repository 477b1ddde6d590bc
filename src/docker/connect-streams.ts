import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { DetachFilter } from '../api/docker/detach-keys.ts';
import { frame } from '../api/docker/frames.ts';
import type { Attachment } from '../engine/containers/containers.ts';
import { writeTo } from './reply.ts';

export interface StreamOptions {
  readonly tty: boolean;
  /** Output as it is, without frames, though there is no terminal. */
  readonly isRaw?: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The client's end of input is the process's: true for exec and for containers with StdinOnce. */
  readonly closeStdin: boolean;
  /** Typed on a terminal, they end the connection and leave the process alone. */
  readonly detachKeys: Uint8Array;
  /** Awaited between the end of the output and that of the connection, unless the client is gone. */
  readonly beforeEnd?: () => Promise<unknown>;
}

/**
 * Joins a client's connection with a process: input raw, output raw with a terminal and framed without.
 * The client may close its sending half first; the output goes on until the process ends it.
 * Returns when the process ended its output or the client is gone.
 */
export async function connectStreams(connection: Duplex, attachment: Attachment, options: StreamOptions): Promise<void> {
  using attached = attachment;
  const gone = finished(connection, { readable: false }).catch(() => undefined);
  const reading = readInput(connection, attached, options);
  await Promise.race([writeOutput(connection, attached, options).then(options.beforeEnd), gone]);
  if (!connection.writableEnded) connection.end();
  void reading;
}

async function readInput(connection: Duplex, attachment: Attachment, options: StreamOptions): Promise<void> {
  try {
    if (!options.stdin) {
      connection.resume();
      return;
    }
    const filter = new DetachFilter(options.detachKeys);
    for await (const chunk of connection.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      const { pass, isDetached } = options.tty ? filter.feed(chunk) : { pass: chunk, isDetached: false };
      if (pass.length > 0) await attachment.write(pass);
      if (isDetached) return void connection.destroy();
    }
    if (options.closeStdin) attachment.endInput();
  } catch {
    // The process no longer reads or the client is gone; the output side notices.
  }
}

async function writeOutput(connection: Duplex, attachment: Attachment, options: StreamOptions): Promise<void> {
  for await (const { stream, data } of attachment.output) {
    if (connection.destroyed) return;
    if (stream === 'stdout' ? !options.stdout : !options.stderr) continue;
    await writeTo(connection, options.tty || options.isRaw ? data : frame(stream, data));
  }
}
