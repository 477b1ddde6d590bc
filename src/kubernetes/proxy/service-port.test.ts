import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint, EndpointSlice, Service } from '../../api/kubernetes/types.generated.ts';
import { balancerAddresses, frontendsOf, type Frontend } from './service-port.ts';

const web: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'default', name: 'web' },
  spec: { type: 'NodePort', clusterIP: '10.96.0.7', ports: [{ name: 'http', port: 80, nodePort: 31000, targetPort: 8080 }] },
};
const here = { nodeName: 'n1', zone: 'a' };

function slice(endpoints: readonly Endpoint[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: 'web-abc', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  };
}

function endpoint(last: number, more: Partial<Endpoint> = {}): Endpoint {
  return { addresses: [`10.244.0.${last}`], nodeName: 'n1', conditions: { ready: true, serving: true, terminating: false }, ...more };
}

function frontends(spec: Service['spec'], endpoints: readonly Endpoint[], status?: Service['status']): readonly Frontend[] {
  return frontendsOf({ ...web, spec: { ...web.spec, ...spec }, ...(status && { status }) }, [slice(endpoints)], here);
}

const hosts = (one: Frontend | undefined): string[] => (one?.backends ?? []).map(({ ip }) => ip.replace('10.244.0.', ''));
const going = { ready: false, serving: true, terminating: true };

test('ready endpoints become backends, unready ones do not; those that serve while terminating when there is no other', () => {
  const unready = endpoint(6, { conditions: { ready: false, serving: false, terminating: false } });
  const [inside, node] = frontends({}, [endpoint(5), unready, endpoint(7, { conditions: going })]);
  assert.deepEqual(inside?.backends, [{ ip: '10.244.0.5', port: 8080 }]);
  assert.deepEqual([node?.way, node?.address, node?.port, node?.masquerade], ['node', undefined, 31000, 'all']);
  assert.deepEqual(hosts(frontends({}, [unready, endpoint(7, { conditions: going })])[0]), ['7']);
});

test('publishNotReadyAddresses takes the unready too', () => {
  const unready = endpoint(6, { conditions: { ready: false, serving: false, terminating: false } });
  assert.deepEqual(hosts(frontends({ publishNotReadyAddresses: true }, [unready])[0]), ['6']);
});

test('headless and ExternalName Services are not proxied', () => {
  assert.deepEqual(frontends({ clusterIP: 'None' }, [endpoint(5)]), []);
  assert.deepEqual(frontends({ type: 'ExternalName', externalName: 'x.example' }, [endpoint(5)]), []);
});

test('externalTrafficPolicy Local: from outside only here and unchanged, from pods anywhere', () => {
  const [, all, outside] = frontends({ externalTrafficPolicy: 'Local' }, [endpoint(5), endpoint(6, { nodeName: 'n2' })]);
  assert.deepEqual([hosts(all), all?.masquerade], [['5', '6'], 'strangers']);
  assert.deepEqual([outside?.view, hosts(outside), outside?.masquerade], ['outside', ['5'], 'none']);
  const [, , nobody] = frontends({ externalTrafficPolicy: 'Local' }, [endpoint(6, { nodeName: 'n2' })]);
  assert.deepEqual([hosts(nobody), nobody?.otherwise], [[], 'drop']);
});

test('internalTrafficPolicy Local: only here, and dropped when all are elsewhere', () => {
  const [inside] = frontends({ internalTrafficPolicy: 'Local' }, [endpoint(6, { nodeName: 'n2' })]);
  assert.deepEqual([hosts(inside), inside?.otherwise], [[], 'drop']);
});

test('hints narrow to the zone or the node, when every endpoint has them', () => {
  const zoned = (last: number, zone: string): Endpoint => endpoint(last, { hints: { forZones: [{ name: zone }] } });
  assert.deepEqual(hosts(frontends({}, [zoned(5, 'a'), zoned(6, 'b')])[0]), ['5']);
  assert.deepEqual(hosts(frontends({}, [zoned(5, 'a'), endpoint(6)])[0]), ['5', '6']);
  assert.deepEqual(hosts(frontends({}, [zoned(5, 'b')])[0]), ['5']);
  const noded = (last: number, name: string): Endpoint => endpoint(last, { hints: { forNodes: [{ name }], forZones: [{ name: 'a' }] } });
  assert.deepEqual(hosts(frontends({}, [noded(5, 'n1'), noded(6, 'n2')])[0]), ['5']);
});

test('a balancer’s address lets in its sources; external addresses everybody', () => {
  const balanced = {
    type: 'LoadBalancer',
    externalIPs: ['192.0.2.9'],
    loadBalancerSourceRanges: ['10.0.0.0/8', '10.1.0.0/16', ' 192.168.7.9/24'],
  };
  const status = {
    loadBalancer: {
      ingress: [
        { ip: '192.0.2.8', ipMode: 'VIP' },
        { ip: '192.0.2.7', ipMode: 'Proxy' },
      ],
    },
  };
  const [, external, balancer] = frontends(balanced, [endpoint(5)], status);
  assert.deepEqual([external?.address, external?.sources], ['192.0.2.9', undefined]);
  assert.deepEqual([balancer?.address, balancer?.sources], ['192.0.2.8', ['10.0.0.0/8', '192.168.7.0/24']]);
  assert.deepEqual(balancerAddresses({ ...web, status }), []);
});

test('session affinity has a time', () => {
  assert.equal(frontends({ sessionAffinity: 'ClientIP' }, [endpoint(5)])[0]?.affinitySeconds, 10_800);
});
