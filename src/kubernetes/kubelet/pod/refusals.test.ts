import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../../api/kubernetes/types.generated.ts';
import { appContainer, podOf } from './pod.fake.ts';
import { refuseUnknown } from './refusals.ts';

const refused: readonly (readonly [Partial<PodSpec>, RegExp])[] = [
  [{ hostUsers: false }, /^hostUsers: false \(a user namespace\) is not supported by this node$/],
  [{ runtimeClassName: 'kata' }, /^RuntimeClass "kata"/],
  [{ securityContext: { supplementalGroupsPolicy: 'Strict' } }, /^supplementalGroupsPolicy: Strict/],
  [{ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }, /^appArmorProfile/],
  [{ containers: [appContainer({ securityContext: { appArmorProfile: { type: 'Localhost' } } })] }, /^appArmorProfile/],
  [{ containers: [appContainer({ volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] })] }, /^a block device/],
  [{ containers: [appContainer({ volumeMounts: [{ name: 'v', mountPath: '/v', recursiveReadOnly: 'Enabled' }] })] }, /^recursiveReadOnly/],
];

test('what this node does not do is refused by name', () => {
  for (const [spec, expected] of refused) assert.throws(() => refuseUnknown(podOf(spec)), { kind: 'notImplemented', message: expected });
});

test('what it does is not', () => {
  refuseUnknown(podOf());
  refuseUnknown(podOf({ hostUsers: true, securityContext: { supplementalGroupsPolicy: 'Strict', runAsGroup: 1 } }));
  refuseUnknown(podOf({ securityContext: { appArmorProfile: { type: 'Unconfined' }, supplementalGroupsPolicy: 'Merge' } }));
});
