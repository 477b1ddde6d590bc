import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMirror, mirrorOf, staticPodOf } from './manifest.ts';

const manifest = 'apiVersion: v1\nkind: Pod\nmetadata: {name: Web}\nspec: {containers: [{name: app, image: busybox:1}]}\n';

test('a manifest is a pod of this node, the same one as long as the file says the same', () => {
  const pod = staticPodOf(manifest, '/etc/pods/web.yaml', 'n1');
  assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.spec?.nodeName], ['web-n1', 'default', 'n1']);
  assert.equal(pod.metadata.annotations?.['kubernetes.io/config.source'], 'file');
  assert.deepEqual(pod.spec?.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
  assert.equal(staticPodOf(manifest, '/etc/pods/web.yaml', 'n1').metadata.uid, pod.metadata.uid);
  assert.notEqual(staticPodOf(`${manifest}#`, '/etc/pods/web.yaml', 'n1').metadata.uid, pod.metadata.uid);
});

test('what is no pod is refused with its file', () => {
  for (const text of ['', 'a: [', '{}', manifest.replace('Pod', 'Job'), manifest.replace('[{name: app, image: busybox:1}]', '[]')])
    assert.throws(() => staticPodOf(text, '/etc/pods/x', 'n1'), { kind: 'invalid', message: /^\/etc\/pods\/x / });
});

test('its mirror belongs to the node and names what it mirrors', () => {
  const pod = staticPodOf(manifest, '/f', 'n1');
  const mirror = mirrorOf(pod, { name: 'n1', uid: 'u' });
  assert(isMirror(mirror) && !isMirror(pod));
  assert.equal(mirror.metadata.uid, undefined);
  assert.equal(mirror.metadata.annotations?.['kubernetes.io/config.mirror'], pod.metadata.uid);
  assert.deepEqual(mirror.metadata.ownerReferences, [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u', controller: true }]);
});
