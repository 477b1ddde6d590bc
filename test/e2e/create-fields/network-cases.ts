import { donor, type CreateCase } from './case.ts';

/** Names and addresses. `fields-net` is 10.99.0.0/24 and fd99::/64. */
export const networkCases: readonly CreateCase[] = [
  {
    title: 'name servers and hosts',
    host: { Dns: ['9.9.9.9'], DnsOptions: ['ndots:3'], DnsSearch: ['x.y'], ExtraHosts: ['a:1.2.3.4'] },
    inside: ["grep -v '^#' /etc/resolv.conf | sort; grep -c '1.2.3.4\ta' /etc/hosts", 'nameserver 9.9.9.9\noptions ndots:3\nsearch x.y\n1'],
  },
  {
    title: 'an endpoint with addresses, names, links and options',
    host: { NetworkMode: 'fields-net', Links: [`${donor}:linked`] },
    networking: {
      EndpointsConfig: {
        'fields-net': {
          IPAMConfig: { IPv4Address: '10.99.0.77', IPv6Address: 'fd99::77' },
          Aliases: ['alias'],
          Links: [`${donor}:other`],
          MacAddress: '02:42:0a:63:00:4d',
          DriverOpts: { 'org.example': 'x' },
          GwPriority: 5,
        },
      },
    },
    inspect: {
      HostConfig: { NetworkMode: 'fields-net', Links: [/:linked$|:.*linked/] },
      NetworkSettings: {
        Networks: {
          'fields-net': {
            IPAMConfig: { IPv4Address: '10.99.0.77', IPv6Address: 'fd99::77' },
            IPAddress: '10.99.0.77',
            GlobalIPv6Address: 'fd99::77',
            MacAddress: '02:42:0a:63:00:4d',
            Aliases: ['alias'],
            DriverOpts: { 'org.example': 'x' },
            GwPriority: 5,
          },
        },
      },
    },
    inside: [
      "cat /sys/class/net/eth0/address; nslookup other 127.0.0.11 | grep -c '10.99.0'; nslookup linked 127.0.0.11 | grep -c '10.99.0'",
      '02:42:0a:63:00:4d\n1\n1',
    ],
  },
  {
    title: 'a link-local address is refused',
    host: { NetworkMode: 'fields-net' },
    networking: { EndpointsConfig: { 'fields-net': { IPAMConfig: { LinkLocalIPs: ['169.254.1.1'] } } } },
    refused: /LinkLocalIPs: link-local address 169\.254\.1\.1 is not supported/,
  },
  {
    title: 'options of the interface are refused',
    host: { NetworkMode: 'fields-net' },
    networking: { EndpointsConfig: { 'fields-net': { DriverOpts: { 'com.docker.network.endpoint.ifname': 'x0' } } } },
    refused: /endpoint option com\.docker\.network\.endpoint\.ifname is not supported/,
  },
];
