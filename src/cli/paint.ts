import { styleText } from 'node:util';
import type { WriteStream } from 'node:tty';

type Color = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** Colours on terminals only; NO_COLOR is honoured. */
export function paint(color: Color, text: string, stream: Pick<WriteStream, 'isTTY'>): string {
  return stream.isTTY && !process.env['NO_COLOR'] ? styleText(color, text) : text;
}
