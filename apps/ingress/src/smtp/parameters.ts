/**
 * Parameters of MAIL and RCPT that we offer in EHLO, each with its grammar: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8
 * (RFC 6531), RET, ENVID, NOTIFY and ORCPT (RFC 3461), AUTH (RFC 4954). Anything else is refused 555, as RFC 5321 section 4.1.1.11 asks;
 * taking it silently would promise what we do not do.
 */
import { decodeXtext, type NotifyCondition } from '@mailwheel/envelope';
import { badParameter, replies, type Judged } from './reply.ts';

/** RFC 3461 section 4.4. */
const envidCharactersMax = 100;
/** RFC 3461 section 4.2. */
const orcptCharactersMax = 500;

export interface MailParameters {
  readonly declaredBytes?: number;
  readonly body: '7BIT' | '8BITMIME';
  readonly smtpUtf8: boolean;
  readonly ret?: 'FULL' | 'HDRS';
  /** Still xtext-encoded. */
  readonly envid?: string;
}

export interface RecipientParameters {
  readonly notify?: readonly NotifyCondition[];
  /** Still encoded: `rfc822;user+2Btag@example.com`. */
  readonly originalRecipient?: string;
}

type Parameters = ReadonlyMap<string, string | undefined>;
type Draft<T> = { -readonly [Key in keyof T]: T[Key] };

/** Judges the parameters of MAIL. */
export function readMailParameters(
  parameters: Parameters,
  options: { readonly offersAuth?: boolean },
): Judged<MailParameters> {
  const taken: Draft<MailParameters> = { body: '7BIT', smtpUtf8: false };
  for (const [keyword, value] of parameters) {
    switch (keyword) {
      case 'SIZE':
        if (value === undefined || !/^[0-9]{1,20}$/.test(value)) return bad(keyword);
        taken.declaredBytes = Number(value);
        break;
      case 'BODY': {
        const body = value?.toUpperCase();
        if (body !== '7BIT' && body !== '8BITMIME') return bad(keyword);
        taken.body = body;
        break;
      }
      case 'SMTPUTF8':
        if (value !== undefined) return bad(keyword);
        taken.smtpUtf8 = true;
        break;
      case 'RET': {
        const ret = value?.toUpperCase();
        if (ret !== 'FULL' && ret !== 'HDRS') return bad(keyword);
        taken.ret = ret;
        break;
      }
      case 'ENVID':
        if (value === undefined || value.length > envidCharactersMax || !isXtext(value)) return bad(keyword);
        taken.envid = value;
        break;
      case 'AUTH':
        // Who submitted it first (RFC 4954 section 5): believed of nobody and passed on to nobody, but to be understood.
        if (options.offersAuth !== true) return { kind: 'refused', reply: replies.unknownParameter };
        if (value === undefined || (value !== '<>' && !isXtext(value))) return bad(keyword);
        break;
      default:
        return { kind: 'refused', reply: replies.unknownParameter };
    }
  }
  return { kind: 'taken', value: taken };
}

/** Judges the parameters of RCPT. */
export function readRecipientParameters(
  parameters: Parameters,
  options: { readonly smtpUtf8: boolean },
): Judged<RecipientParameters> {
  const taken: Draft<RecipientParameters> = {};
  for (const [keyword, value] of parameters) {
    switch (keyword) {
      case 'NOTIFY': {
        const notify = notifyConditions(value);
        if (notify === undefined) return bad(keyword);
        taken.notify = notify;
        break;
      }
      case 'ORCPT':
        if (value === undefined || !isOriginalRecipient(value, options.smtpUtf8)) return bad(keyword);
        taken.originalRecipient = value;
        break;
      default:
        return { kind: 'refused', reply: replies.unknownParameter };
    }
  }
  return { kind: 'taken', value: taken };
}

const conditions: readonly string[] = ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] satisfies NotifyCondition[];

/** RFC 3461 section 4.1: NEVER alone, or a list of the others, each once. */
function notifyConditions(value: string | undefined): readonly NotifyCondition[] | undefined {
  const list = (value ?? '').toUpperCase().split(',');
  if (list.some((condition) => !conditions.includes(condition))) return undefined;
  if (new Set(list).size !== list.length) return undefined;
  if (list.includes('NEVER') && list.length > 1) return undefined;
  return list as NotifyCondition[];
}

/** `addr-type;xtext` (RFC 3461 section 4.2), or `utf-8;...` in the forms of RFC 6533 section 3. */
function isOriginalRecipient(value: string, smtpUtf8: boolean): boolean {
  if (value.length > orcptCharactersMax) return false;
  const match = /^([A-Za-z0-9!#$%&'*/?^_`{|}~.-]+);(.+)$/u.exec(value);
  const address = match?.[2];
  if (address === undefined) return false;
  if (match?.[1]?.toLowerCase() === 'utf-8') {
    return utf8Address.test(address) && (smtpUtf8 || isAscii(address));
  }
  return isXtext(address);
}

/** RFC 6533 section 3: printable ASCII but `\`, `+` and `=`; `\x{HEX}`; and, under SMTPUTF8, UTF-8 as it is. */
const utf8Address = /^(?:[!-*,-<>-[\]-~]|\\x\{[0-9A-F]{2,6}\}|[\u{a0}-\u{10ffff}])+$/u;

/** Well formed, and without a control character behind its encoding: the value is written into bounces and logs. */
function isXtext(value: string): boolean {
  const decoded = decodeXtext(value);
  return decoded !== undefined && !/\p{Cc}/u.test(decoded);
}

function isAscii(value: string): boolean {
  return /^[!-~]*$/.test(value);
}

function bad(keyword: string): { readonly kind: 'refused'; readonly reply: ReturnType<typeof badParameter> } {
  return { kind: 'refused', reply: badParameter(keyword) };
}
