import { mailwheel } from '../subjects/mailwheel.ts';
import { kept } from './loads.ts';
import { pass } from './passage.ts';
import type { Row } from './row.ts';

export const accept: Row = {
  name: 'accept',
  says: 'until the 250: one ingress and Redis, 4 KB, 20 kept connections, no worker',
  run: (context) =>
    pass(
      { subject: mailwheel({ workers: 0 }), load: kept, until: 'accepted', warmUpMessages: 3000 },
      context,
    ),
};
