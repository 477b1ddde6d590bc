import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import { age } from './age.ts';

type Cell = string | number;

/** One column of a table; `wide` ones show with `-o wide`. */
export interface Column<T = KubernetesObject> {
  readonly name: string;
  readonly type?: 'string' | 'integer';
  readonly format?: 'name';
  readonly wide?: boolean;
  readonly cell: (object: T, now: number) => Cell;
}

export const none = '<none>';
export const name: Column = { name: 'Name', format: 'name', cell: ({ metadata }) => metadata.name ?? '' };
export const aged: Column = { name: 'Age', cell: ({ metadata }, now) => age(metadata.creationTimestamp, now) };
export const list = (items: readonly string[] | undefined): string => (items && items.length > 0 ? items.join(',') : none);
export const labels = (record: Readonly<Record<string, string>> | undefined): string =>
  list(Object.entries(record ?? {}).map(([key, value]) => `${key}=${value}`));

/** Name first, age after the narrow ones. */
export function columns<T extends KubernetesObject>(...middle: readonly Column<T>[]): readonly Column[] {
  const [narrow, wide] = [middle.filter((one) => !one.wide), middle.filter((one) => one.wide)];
  return [name, ...narrow, aged, ...wide] as unknown as readonly Column[];
}

interface HasTemplate {
  readonly spec?: {
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: { readonly spec?: { readonly containers: readonly { readonly name: string; readonly image?: string }[] } };
  };
}
const containersOf = ({ spec }: HasTemplate): readonly { readonly name: string; readonly image?: string }[] =>
  spec?.template?.spec?.containers ?? [];
export const templateColumns: readonly Column<KubernetesObject & HasTemplate>[] = [
  {
    name: 'Containers',
    wide: true,
    cell: (object) =>
      containersOf(object)
        .map((one) => one.name)
        .join(','),
  },
  {
    name: 'Images',
    wide: true,
    cell: (object) =>
      containersOf(object)
        .map((one) => one.image ?? '')
        .join(','),
  },
];
export const selector: Column<KubernetesObject & HasTemplate> = {
  name: 'Selector',
  wide: true,
  cell: (object) => labels(object.spec?.selector?.matchLabels),
};
