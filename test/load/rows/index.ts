/** Every row, in the order of the table. */
import { accept } from './accept.ts';
import type { Row } from './row.ts';
import { sourceToSink } from './source-to-sink.ts';
import { realisticRow, throughRows } from './through.ts';

export const rows: readonly Row[] = [sourceToSink, accept, ...throughRows, realisticRow];
