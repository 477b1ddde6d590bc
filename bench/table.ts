import { styleText } from 'node:util';

export interface Line {
  readonly name: string;
  readonly unit: 'ms' | 'MB' | '%' | 'Gbit/s' | 'MB/s' | '/s';
  readonly davit: number;
  readonly peer?: number | undefined;
  readonly wanted?: { readonly text: string; readonly met: boolean } | undefined;
}

/** `peer`: what the second column is, e.g. `dockerd 20.10.24`; undefined when there was none. */
export function printTable(lines: readonly Line[], peer: string | undefined): void {
  const rows = [
    ['', 'davit', peer ?? '(no dockerd)', 'ratio', 'wanted'],
    ...lines.map((line) => [line.name, value(line.davit, line.unit), value(line.peer, line.unit), ratio(line), verdict(line)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  console.log('');
  for (const [name = '', davit = '', other = '', factor = '', wanted = ''] of rows) {
    const cells = [
      name.padEnd(widths[0] ?? 0),
      davit.padStart(widths[1] ?? 0),
      other.padStart(widths[2] ?? 0),
      factor.padStart(widths[3] ?? 0),
    ];
    console.log(`${cells.join('   ')}   ${wanted}`.trimEnd());
  }
}

function value(amount: number | undefined, unit: string): string {
  if (amount === undefined) return '–';
  return `${amount < 10 ? amount.toFixed(2) : Math.round(amount)} ${unit}`;
}

/** How many times better than the peer: rates are better when they are higher. */
function ratio({ davit, peer, unit }: Line): string {
  if (peer === undefined || davit === 0 || peer === 0) return '';
  return unit.endsWith('/s') ? `${(davit / peer).toFixed(2)}×` : `${(peer / davit).toFixed(1)}×`;
}

function verdict({ wanted }: Line): string {
  if (!wanted) return '';
  const mark = wanted.met ? styleText('green', '✓', { stream: process.stdout }) : styleText('red', '✗', { stream: process.stdout });
  return `${mark} ${wanted.text}`;
}
