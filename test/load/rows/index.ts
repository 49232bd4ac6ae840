/** Every row, in the order of the table. */
import { accept } from './accept.ts';
import { throughHaraka, throughPostfix } from './peers.ts';
import type { Row } from './row.ts';
import { sourceToSink } from './source-to-sink.ts';
import { through, throughTwo } from './through.ts';

export const rows: readonly Row[] = [
  sourceToSink,
  accept,
  through,
  throughTwo,
  throughPostfix,
  throughHaraka,
];
