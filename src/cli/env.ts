import { type Config, pathsOf } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';

/** `davit env`: shell exports; works whether or not davit runs. */
export function env(flags: Partial<Config>): void {
  const { dockerSocket, kubeconfig } = pathsOf(machineConfig(flags));
  process.stdout.write(`export DOCKER_HOST=unix://${dockerSocket}\nexport KUBECONFIG=${kubeconfig}\n`);
}
