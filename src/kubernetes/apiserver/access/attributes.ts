/** What is asked for: a resource, or a path outside the resources. */
export type Attributes =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    }
  | { readonly verb: string; readonly path: string };

export type ResourceAttributes = Exclude<Attributes, { readonly path: string }>;
