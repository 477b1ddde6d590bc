import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oldAutoscalerConversion } from './old-autoscalers.ts';
import type { Body } from './strategy.ts';

test('what v1 cannot say comes back as it was', async () => {
  const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } };
  const memory = { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } };
  const spec = { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, metrics: [cpu, memory] };
  const object: Body = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name: 'x' }, spec };
  const [old] = await oldAutoscalerConversion.fromStorage([object]);
  assert.equal(old?.spec?.['targetCPUUtilizationPercentage'], 50);
  assert.equal(old?.spec?.['metrics'], undefined);
  assert.deepEqual((await oldAutoscalerConversion.toStorage(old as Body)).spec, spec);
});
