import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { KindError } from '../base/errors.ts';
import { pipe } from './native.ts';
import { runtimeError } from './runc.ts';
import { spawn } from './spawn.ts';
import { supervisionPaths } from './supervision.ts';

/**
 * Starting conmon. It forks twice and leaves us: our child ends at once, the supervisor belongs to init.
 * Descriptors and messages (conmon's src/parent_pipe_fd.c, src/conmon.c):
 *
 *   3  _OCI_SYNCPIPE    conmon → us   {"data": pid}  or  {"data": -1, "message": "stderr of the runtime"}
 *   4  _OCI_STARTPIPE   us → conmon   one byte: fork;   for an attached exec a second one: run
 *   5  _OCI_ATTACHPIPE  conmon → us   {"data": 0}: the attach socket of the exec listens
 */
export interface ConmonStart {
  readonly program: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** For an exec: called when its attach socket listens, before its program runs. */
  readonly beforeRun?: () => void;
}

interface SyncMessage {
  readonly data: number;
  readonly message?: string;
}

export async function startConmon(start: ConmonStart): Promise<number> {
  const { directory, beforeRun } = start;
  const errors = openSync(supervisionPaths(directory).errors, 'w', 0o600);
  const nothing = openSync('/dev/null', 'r+');
  const [syncRead, syncWrite] = pipe();
  const [startRead, startWrite] = pipe();
  const [attachRead, attachWrite] = pipe();
  const sync = new LineReader(syncRead);
  const attach = new LineReader(attachRead);
  try {
    writeSync(startWrite, '\0');
    const child = spawn({
      program: start.program,
      argv: ['conmon', ...start.args],
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        _OCI_SYNCPIPE: '3',
        _OCI_STARTPIPE: '4',
        ...(beforeRun === undefined ? {} : { _OCI_ATTACHPIPE: '5' }),
      },
      cwd: directory,
      newSession: true,
      descriptors: [nothing, nothing, errors, syncWrite, startRead, ...(beforeRun === undefined ? [] : [attachWrite])],
    });
    for (const fd of [syncWrite, startRead, attachWrite]) closeSync(fd);
    const exitCode = await child.exitCode;
    if (exitCode !== 0) throw failed(directory, `conmon ended with ${exitCode}`);
    if (beforeRun !== undefined && (await attach.line()) !== undefined) {
      beforeRun();
      writeSync(startWrite, '\0');
    }
    return pidOf(await sync.line(), directory);
  } finally {
    for (const fd of [errors, nothing, startWrite]) closeSync(fd);
    sync[Symbol.dispose]();
    attach[Symbol.dispose]();
  }
}

function pidOf(line: string | undefined, directory: string): number {
  if (line === undefined) throw failed(directory, 'conmon ended without an answer');
  const { data, message = '' } = JSON.parse(line) as SyncMessage;
  if (data > 0) return data;
  throw runtimeError(message === '' ? readFileSync(supervisionPaths(directory).errors, 'utf8') : message);
}

/** What conmon itself complains about: a wrong option, a folder it cannot write. */
function failed(directory: string, what: string): KindError {
  const reason = readFileSync(supervisionPaths(directory).errors, 'utf8').trim();
  return new KindError('internal', reason === '' ? what : `${what}: ${reason}`);
}

/** The first line that arrives on a pipe; undefined when it ends without one. */
class LineReader implements Disposable {
  readonly #socket: Socket;
  readonly #line: Promise<string | undefined>;

  constructor(fd: number) {
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#socket = socket;
    let text = '';
    this.#line = new Promise((resolve) => {
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => {
        text += chunk;
        if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
      });
      socket.on('error', () => resolve(undefined));
      socket.on('close', () => resolve(undefined));
    });
  }

  line(): Promise<string | undefined> {
    return this.#line;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
