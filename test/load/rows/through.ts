/** Accepted to delivered, by load: Mailwheel, and beside it the peers with the same load. */
import { haraka, harakaObstacle } from '../subjects/haraka.ts';
import { mailwheel } from '../subjects/mailwheel.ts';
import { postfix, postfixObstacle } from '../subjects/postfix.ts';
import type { Load } from '../traffic/source.ts';
import { fresh, kept, large, of, realistic } from './loads.ts';
import { pass } from './passage.ts';
import type { Row } from './row.ts';

const warmUpMessages = 3000;
const peerWarmUpMessages = 500;

interface Work {
  readonly name: string;
  readonly says: string;
  readonly load: Load;
  /** Peers are slower: fewer messages take as long. */
  readonly peerMessages: number;
}

const works: readonly Work[] = [
  { name: 'through', says: '4 KB, 20 kept connections', load: kept, peerMessages: 8000 },
  {
    name: 'fresh',
    says: '4 KB, a connection for each message, 200 at a time',
    load: fresh,
    peerMessages: 4000,
  },
  {
    name: 'large',
    says: '100 KB of text and base64, 20 kept connections',
    load: large,
    peerMessages: 2000,
  },
];

export const throughRows: readonly Row[] = works.flatMap((work) => [
  ours(work, { name: work.name, workers: 1 }),
  ...(work.load === kept ? [ours(work, { name: `${work.name}-2`, workers: 2 })] : []),
  peer(work, { name: 'postfix', obstacle: postfixObstacle, subject: postfix }),
  peer(work, { name: 'haraka', obstacle: harakaObstacle, subject: haraka }),
]);

/** A body that is not one repeated letter: no comparison, only whether it costs more. */
export const realisticRow: Row = {
  name: 'realistic',
  says: 'as `through`, with 4 KB of text and base64 instead of a repeated letter',
  against: ['through'],
  run: (context) =>
    pass(
      { subject: mailwheel({ workers: 1 }), load: realistic, until: 'delivered', warmUpMessages },
      context,
    ),
};

function ours(work: Work, as: { readonly name: string; readonly workers: number }): Row {
  const workers = as.workers === 1 ? 'one worker' : `${as.workers} workers`;
  return {
    name: as.name,
    says: `accepted to delivered: one ingress, ${workers}, Redis; ${work.says}`,
    against: [...(work.load === kept ? ['source-to-sink'] : []), ...peersOf(work)],
    run: (context) =>
      pass(
        {
          subject: mailwheel({ workers: as.workers }),
          load: work.load,
          until: 'delivered',
          warmUpMessages: Math.min(warmUpMessages, work.load.messages / 2),
        },
        context,
      ),
  };
}

function peersOf(work: Work): string[] {
  return ['postfix', 'haraka'].map((name) => `${work.name}-${name}`);
}

function peer(
  work: Work,
  as: Pick<Row, 'name' | 'obstacle'> & { readonly subject: Parameters<typeof pass>[0]['subject'] },
): Row {
  return {
    name: `${work.name}-${as.name}`,
    says: `the same through ${as.subject.name}${as.name === 'haraka' ? ', which does not wait for the disk before its 250' : ''}`,
    ...(as.obstacle === undefined ? {} : { obstacle: as.obstacle }),
    run: (context) =>
      pass(
        {
          subject: as.subject,
          load: of(work.load, work.peerMessages),
          until: 'delivered',
          warmUpMessages: peerWarmUpMessages,
        },
        context,
      ),
  };
}
