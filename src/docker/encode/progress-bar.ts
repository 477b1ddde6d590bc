import { byteText } from '../../api/docker/bytes.ts';

const width = 50;

/** `[=====>      ]  12.3MB/40MB`: clients without a terminal print it as it is. */
export function progressBar(current: number, total: number): string {
  const filled = Math.min(width, Math.floor((current / Math.max(total, 1)) * width));
  const bar = filled === width ? '='.repeat(width) : `${'='.repeat(filled)}>${' '.repeat(width - filled - 1)}`;
  return `[${bar}]  ${byteText(current)}/${byteText(total)}`;
}
