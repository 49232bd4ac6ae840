import { describe, expect, it } from 'vitest';
import { whereTo } from './search.ts';

const id = `m00${'a'.repeat(26)}`;

describe('the search box', () => {
  it.each([
    ['', '/'],
    [` ${id} `, `/messages/${id}`],
    [`${id}-12`, `/messages/${id}`],
    ['Example.COM.', '/board/queue/example.com'],
    ['somebody@example.com', '/board/queue/example.com'],
    ['bücher.example', '/board/queue/xn--bcher-kva.example'],
    ['[192.0.2.1]', '/board/queue/%5B192.0.2.1%5D'],
    ['192.0.2.1', '/board/queue/%5B192.0.2.1%5D'],
    ['2001:db8::1', '/board/queue/%5Bipv6_2001_db8__1%5D'],
  ])('"%s" leads to %s', (query, path) => {
    expect(whereTo(query)).toEqual({ kind: 'path', path });
  });

  it('says what it did not understand', () => {
    expect(whereTo('//evil.test/<x>')).toEqual({
      kind: 'nothing',
      sentence: '"//evil.test/<x>" is neither a message id nor a domain.',
    });
  });
});
