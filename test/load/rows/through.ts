import { mailwheel } from '../subjects/mailwheel.ts';
import { kept } from './loads.ts';
import { pass } from './passage.ts';
import type { Row } from './row.ts';

function throughWith(workers: number, name: string): Row {
  return {
    name,
    says: `accepted to delivered: one ingress, ${workers === 1 ? 'one worker' : `${workers} workers`}, Redis, 4 KB, 20 kept connections`,
    against: ['source-to-sink', 'postfix', 'haraka'],
    run: (context) =>
      pass(
        { subject: mailwheel({ workers }), load: kept, until: 'delivered', warmUpMessages: 3000 },
        context,
      ),
  };
}

export const through: Row = throughWith(1, 'through');
export const throughTwo: Row = throughWith(2, 'through-2');
