import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Container, ContainerPort, HTTPGetAction, Probe } from '../../../api/kubernetes/types.generated.ts';
import { KindError, messageOf } from '../../../base/errors.ts';
import type { Execs } from '../../../engine/containers/execs.ts';
import { grpcHealth } from './grpc-health.ts';

export interface ProbeResult {
  readonly success: boolean;
  /** As the kubelet reports it in an Unhealthy event. */
  readonly message: string;
}

export interface ProbeTarget {
  readonly containerId: string;
  readonly container: Container;
  readonly ip: string;
}

const maximumBytes = 10 * 1024;

/** Looks once. A look that cannot be made is a failed one. */
export async function runProbe(probe: Probe, target: ProbeTarget, execs: Pick<Execs, 'run'>): Promise<ProbeResult> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await execProbe(probe.exec.command ?? [], target, execs, timeoutMs);
    if (probe.httpGet) return await httpProbe(probe.httpGet, target, timeoutMs);
    if (probe.tcpSocket)
      return await tcpProbe(probe.tcpSocket.host || target.ip, portOf(probe.tcpSocket.port, target.container), timeoutMs);
    if (probe.grpc) return await grpcHealth(target.ip, probe.grpc.port, probe.grpc.service ?? '', timeoutMs);
    return { success: true, message: '' };
  } catch (error) {
    return { success: false, message: messageOf(error) };
  }
}

/** A named port is looked up among the container's ports. */
export function portOf(port: string | number, container: { readonly ports?: readonly ContainerPort[] }): number {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  const found = container.ports?.find((each) => each.name === port);
  if (!found) throw new KindError('invalid', `couldn't find port: ${port}`);
  return found.containerPort;
}

async function execProbe(
  command: readonly string[],
  target: ProbeTarget,
  execs: Pick<Execs, 'run'>,
  timeoutMs: number,
): Promise<ProbeResult> {
  const { exitCode, output, timedOut } = await execs.run(target.containerId, { command }, { timeoutMs, maxBytes: maximumBytes });
  if (timedOut) return { success: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
  return { success: exitCode === 0, message: output };
}

/** GET of a probe or lifecycle hook; success is any status from 200 to 399. */
export function httpProbe(action: HTTPGetAction, target: Pick<ProbeTarget, 'container' | 'ip'>, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const host = action.host || target.ip;
  const port = portOf(action.port, target.container);
  const path = (action.path ?? '/').startsWith('/') ? (action.path ?? '/') : `/${action.path}`;
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close' };
  for (const header of action.httpHeaders ?? []) headers[header.name.toLowerCase()] = header.value;
  const options: RequestOptions & { readonly rejectUnauthorized: boolean } = {
    host,
    port,
    path,
    headers,
    agent: false,
    rejectUnauthorized: false,
  };
  const request = (scheme === 'https' ? httpsRequest : httpRequest)(options, (response) => {
    const status = response.statusCode ?? 0;
    response.destroy();
    const success = status >= 200 && status < 400;
    resolve({ success, message: success ? '' : `HTTP probe failed with statuscode: ${status}` });
  });
  const url = `${scheme}://${host}:${port}${path}`;
  const timer = setTimeout(
    () => request.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')),
    timeoutMs,
  );
  request.on('error', (error) => resolve({ success: false, message: `Get "${url}": ${goNetworkError(error, host, port)}` }));
  request.end();
  return promise.finally(() => clearTimeout(timer));
}

function tcpProbe(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const socket = connect({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error('i/o timeout')), timeoutMs);
  socket.once('connect', () => resolve({ success: true, message: '' }));
  socket.once('error', (error) => resolve({ success: false, message: goNetworkError(error, host, port) }));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** `dial tcp 10.244.0.5:80: connect: connection refused`, as users know it from kubectl describe. */
function goNetworkError(error: Error, host: string, port: number): string {
  const code = 'code' in error ? String(error.code) : '';
  const texts: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
  };
  const text = texts[code];
  if (text) return `dial tcp ${host}:${port}: connect: ${text}`;
  if (code === 'ECONNRESET') return 'EOF';
  return error.message;
}
