import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import type { HostFacts } from './node-object.ts';

type Given = Pick<HostFacts, 'nodeName' | 'nodeIp' | 'port' | 'podCidr' | 'runtimeVersion'>;

/** Asks the host once what it is. */
export async function hostFacts(given: Given, dataRoot: string): Promise<HostFacts> {
  const [osRelease, machineId, disk] = await Promise.all([text('/etc/os-release'), text('/etc/machine-id'), statfs(dataRoot)]);
  return {
    ...given,
    hostName: hostname(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    architecture: arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? 'Linux',
    machineId: machineId.trim(),
    bootId: '',
  };
}

async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
