import { direct } from '../subjects/direct.ts';
import { kept, of } from './loads.ts';
import { pass } from './passage.ts';
import type { Row } from './row.ts';

export const sourceToSink: Row = {
  name: 'source-to-sink',
  says: 'source straight to sink, 4 KB, 20 kept connections: what the two can do here',
  run: (context) =>
    pass({ subject: direct, load: of(kept, 40_000), until: 'delivered', warmUpMessages: 2000 }, context),
};
