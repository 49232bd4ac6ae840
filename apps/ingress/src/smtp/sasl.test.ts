/** AUTH commands and credentials, as values. */
import { describe, expect, test } from 'vitest';
import { readAuthCommand, readBase64, readPlain } from './sasl.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

test.each([
  ['AUTH PLAIN', { kind: 'start', mechanism: 'PLAIN' }],
  ['auth login YQ==', { kind: 'start', mechanism: 'LOGIN', initial: 'YQ==' }],
  ['AUTH PLAIN =', { kind: 'start', mechanism: 'PLAIN', initial: '' }],
  ['AUTH', { kind: 'syntax' }],
  ['AUTH PLAIN a b', { kind: 'syntax' }],
  ['AUTH CRAM-MD5', { kind: 'unknown-mechanism' }],
  ['AUTH XOAUTH2 x', { kind: 'unknown-mechanism' }],
])('%s', (line, meaning) => {
  expect(readAuthCommand(line)).toEqual(meaning);
});

describe('PLAIN', () => {
  test.each(['\0app\0secret', 'app\0app\0secret'])('%j names the user', (text) => {
    expect(readPlain(base64(text))).toEqual({ name: 'app', password: 'secret' });
  });

  test.each([
    '',
    'app',
    '\0app',
    '\0\0secret',
    '\0app\0',
    'root\0app\0secret',
    '\0app\0sec\0ret',
    'app\0\0secret',
  ])('%j names nobody', (text) => {
    expect(readPlain(base64(text))).toBeUndefined();
  });
});

test.each(['YQ', 'YQ=', 'Y', 'YQ==x', 'Y Q=', 'YQ-_', '/w=='])('%s is no base64 of UTF-8', (text) => {
  expect(readBase64(text)).toBeUndefined();
});
