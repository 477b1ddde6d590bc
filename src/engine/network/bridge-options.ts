import { KindError } from '../../base/errors.ts';

/** What a bridge network's driver options say. */
export interface BridgeOptions {
  /** Name of the Linux bridge; undefined: made from the network's ID. */
  readonly name: string | undefined;
  readonly mtu: number | undefined;
  /** Whether containers of this network reach each other. */
  readonly icc: boolean;
  /** Whether what leaves the host carries the host's address. */
  readonly masquerade: boolean;
  /** Where ports are published that name no host address. */
  readonly hostBindingIpv4: string | undefined;
  readonly hostBindingIpv6: string | undefined;
  /** `eth` */
  readonly interfacePrefix: string;
}

const bridge = 'com.docker.network.bridge.';
/** Options that change where packets may go and that davit does not know: ignoring them would open what should be closed. */
const refused = ['gateway_mode_ipv4', 'gateway_mode_ipv6', 'inhibit_ipv4', 'trusted_host_interfaces'];

export function bridgeOptions(options: Readonly<Record<string, string>>): BridgeOptions {
  for (const name of refused) {
    if (options[bridge + name] !== undefined)
      throw new KindError('notImplemented', `network option ${bridge}${name} is not implemented by davit`);
  }
  return {
    name: options[`${bridge}name`],
    mtu: mtuOf(options),
    icc: flag(options, `${bridge}enable_icc`),
    masquerade: flag(options, `${bridge}enable_ip_masquerade`),
    hostBindingIpv4: options[`${bridge}host_binding_ipv4`] || options[`${bridge}host_binding`] || undefined,
    hostBindingIpv6: options[`${bridge}host_binding_ipv6`] || undefined,
    interfacePrefix: options['com.docker.network.container_iface_prefix'] || options[`${bridge}container_iface_prefix`] || 'eth',
  };
}

export function mtuOf(options: Readonly<Record<string, string>>): number | undefined {
  const given = options['com.docker.network.driver.mtu'];
  if (given === undefined || given === '') return undefined;
  const mtu = Number(given);
  if (!/^[+-]?\d+$/.test(given))
    throw new KindError(
      'invalid',
      `failed to parse com.docker.network.driver.mtu value: ${given} (strconv.Atoi: parsing "${given}": invalid syntax)`,
    );
  if (mtu !== 0 && (mtu < 68 || mtu > 65_535))
    throw new KindError('invalid', `invalid MTU "${given}" in com.docker.network.driver.mtu: want a number from 68 to 65535`);
  return mtu === 0 ? undefined : mtu;
}

/** Go's strconv.ParseBool; absent = true. */
function flag(options: Readonly<Record<string, string>>, name: string): boolean {
  const given = options[name];
  if (given === undefined || ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(given)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(given)) return false;
  throw new KindError('invalid', `failed to parse ${name} value: ${given} (strconv.ParseBool: parsing "${given}": invalid syntax)`);
}
