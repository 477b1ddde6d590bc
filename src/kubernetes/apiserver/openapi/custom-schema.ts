import type { JsonSchema } from '../customresources/json-schema.ts';
import type { Resource } from '../resources.ts';

const meta = (name: string): object => ({ allOf: [{ $ref: `#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.${name}` }] });

/** A custom resource's schema as it is published: with what every object has. */
export function customSchema({ group, version, kind }: Resource, schema: JsonSchema): object {
  return {
    ...schema,
    type: 'object',
    properties: { ...schema.properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: meta('ObjectMeta') },
    'x-kubernetes-group-version-kind': [{ group, kind, version }],
  };
}
