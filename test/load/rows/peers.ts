import { haraka, harakaObstacle } from '../subjects/haraka.ts';
import { postfix, postfixObstacle } from '../subjects/postfix.ts';
import { kept, of } from './loads.ts';
import { pass } from './passage.ts';
import type { Row } from './row.ts';

/** They are slower: fewer messages take as long. */
const peerMessages = 6000;

export const throughPostfix: Row = {
  name: 'postfix',
  says: 'the same through Postfix',
  obstacle: postfixObstacle,
  run: (context) =>
    pass(
      { subject: postfix, load: of(kept, peerMessages), until: 'delivered', warmUpMessages: 500 },
      context,
    ),
};

export const throughHaraka: Row = {
  name: 'haraka',
  says: 'the same through Haraka, which does not wait for the disk',
  obstacle: harakaObstacle,
  run: (context) =>
    pass(
      { subject: haraka, load: of(kept, peerMessages), until: 'delivered', warmUpMessages: 1000 },
      context,
    ),
};
