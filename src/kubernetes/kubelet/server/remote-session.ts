import type { Readable } from 'node:stream';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** One `kubectl exec` or `attach`, whatever it is carried by. */
export interface RemoteSession {
  /** Ends when the client closes its stdin; undefined when it sends none. */
  readonly input: Readable | undefined;
  /** Resolves when the connection has taken it. */
  write(stream: 'stdout' | 'stderr', data: Buffer): Promise<void>;
  onResize(handler: (size: TerminalSize) => void): void;
  /** Sends the outcome on the error channel (a metav1.Status) and closes. */
  finish(status: object): Promise<void>;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

/** What the client wants connected, from the query: `stdin`, `stdout`, `stderr`, `tty`, or the kubelet's own `input`, `output`, `error`. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export function streamOptions(query: URLSearchParams): StreamOptions {
  const has = (...names: readonly string[]): boolean => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));
  const tty = has('tty');
  return { stdin: has('stdin', 'input'), stdout: has('stdout', 'output'), stderr: has('stderr', 'error') && !tty, tty };
}

/** `{"Width":80,"Height":24}` */
export function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: width, Height: height } = JSON.parse(text) as { readonly Width?: number; readonly Height?: number };
    return width && height ? { width, height } : undefined;
  } catch {
    return undefined;
  }
}

export const successStatus = { metadata: {}, status: 'Success' };

export function exitStatus(command: readonly string[], exitCode: number): object {
  if (exitCode === 0) return successStatus;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: error executing command ${JSON.stringify(command)}, exit code ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

export function failureStatus(message: string): object {
  return { metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 };
}
