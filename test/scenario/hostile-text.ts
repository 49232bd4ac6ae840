/** What a hostile peer writes where text is expected; for property tests. */
import fc from 'fast-check';

/** Text with a liking for what breaks lines, headers and parsers. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\0',
        '\u001b[31m',
        '\u2028',
        '\u0085',
        ' ',
        '\t',
        ':',
        '<',
        '>',
        '"',
        '\\',
      ),
      fc.constantFrom(
        'Bcc: x@y.example',
        '--boundary=_1',
        '550 5.1.1 ',
        '550-',
        '250 ',
        '451 4.',
        '.',
        'ü',
        '\u{1f4e7}',
        '\ud800',
      ),
      fc.string({ maxLength: 20 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));
