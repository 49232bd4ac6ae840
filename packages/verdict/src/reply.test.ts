import { describe, expect, it } from 'vitest';
import { fittingEnhancedCode, parseReply, replyTextCharsMax } from './reply.ts';

describe('parseReply', () => {
  it('reads code, enhanced code and text, and quotes the reply as one line', () => {
    expect(parseReply('452 4.3.1 Insufficient system resources\r\n')).toEqual({
      code: 452,
      enhancedCode: '4.3.1',
      text: 'Insufficient system resources',
      line: '452 4.3.1 Insufficient system resources',
    });
  });

  it('reads a reply without enhanced code, and one of the code alone', () => {
    expect(parseReply('431 Mail system full')).toEqual({
      code: 431,
      text: 'Mail system full',
      line: '431 Mail system full',
    });
    expect(parseReply('250')).toEqual({ code: 250, text: '', line: '250' });
    expect(parseReply('250 ')).toEqual({ code: 250, text: '', line: '250' });
  });

  it('joins the lines of a multi-line reply and drops the repeated codes', () => {
    expect(parseReply('550-5.1.1 The email account\r\n550-5.1.1 does not exist.\n550 5.1.1 Bye')).toEqual({
      code: 550,
      enhancedCode: '5.1.1',
      text: 'The email account does not exist. Bye',
      line: '550 5.1.1 The email account does not exist. Bye',
    });
  });

  it('ignores an enhanced code of another class (RFC 2034) but keeps it readable', () => {
    expect(parseReply('452 5.3.1 odd host')).toEqual({
      code: 452,
      text: '5.3.1 odd host',
      line: '452 5.3.1 odd host',
    });
    expect(parseReply('550 2.0.0 odd host')?.enhancedCode).toBeUndefined();
    expect(parseReply('354 2.0.0 go ahead')?.enhancedCode).toBeUndefined();
  });

  it('takes numbers that merely look like an enhanced code as text', () => {
    expect(parseReply('451 4.3.1.2 is our version')?.enhancedCode).toBeUndefined();
    expect(parseReply('451 4.3 busy')?.enhancedCode).toBeUndefined();
    expect(parseReply('451 4.3.1234 busy')?.enhancedCode).toBeUndefined();
    expect(parseReply('451 try 4.3.1 later')?.enhancedCode).toBeUndefined();
  });

  it('keeps a line without a code as text, and a reply whose last line is missing', () => {
    expect(parseReply('550-no\nsuch user')?.line).toBe('550 no such user');
    expect(parseReply('421-closing\r\n')?.line).toBe('421 closing');
  });

  it('takes what is no reply, or contradicts itself, for none', () => {
    for (const text of [
      '',
      'hello',
      '4521 x',
      '45 x',
      '199 x',
      '600 x',
      '250x',
      ' 250 ok',
      '250-ok\r\n451 no',
    ]) {
      expect(parseReply(text), text).toBeUndefined();
    }
  });

  it('escapes control characters and shortens', () => {
    expect(parseReply('550 a\x1b[31mb\x00')?.text).toBe('a\\x1b[31mb\\x00');
    const long = parseReply(`550 5.1.1 ${'x'.repeat(5000)}`);
    expect(long?.text.length).toBe(replyTextCharsMax);
    expect(long?.enhancedCode).toBe('5.1.1');
    const endless = parseReply('550-spam\r\n'.repeat(10_000));
    expect(endless?.text.length).toBeLessThanOrEqual(replyTextCharsMax);
  });
});

describe('fittingEnhancedCode', () => {
  it('also judges replies that were not made by parseReply', () => {
    expect(fittingEnhancedCode({ code: 452, enhancedCode: '5.3.1', text: '', line: '' })).toBeUndefined();
    expect(fittingEnhancedCode({ code: 452, enhancedCode: 'soon', text: '', line: '' })).toBeUndefined();
    expect(fittingEnhancedCode({ code: 452, enhancedCode: '4.3.1', text: '', line: '' })).toBe('4.3.1');
  });
});
