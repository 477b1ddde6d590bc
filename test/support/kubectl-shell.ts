import { spawn } from 'node:child_process';

export interface KubectlShell {
  /** The kubectl that the command means. */
  readonly kubectl: string;
  readonly kubeconfig: string;
  readonly home: string;
}

/** Runs what davit tells a person to do as that person would: pasted into a shell. */
export function pasted(command: string, { kubectl, kubeconfig, home }: KubectlShell): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: home };
  const child = spawn('bash', ['-c', `kubectl() { ${kubectl} "$@"; }; ${command}`], { env });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.on('error', reject);
  child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command}: ${text}`))));
  return promise;
}
