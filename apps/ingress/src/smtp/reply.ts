/**
 * Replies of the SMTP side, as data: basic code, enhanced code (RFC 3463), one ASCII sentence with nothing of the client's
 * input in it. `docs/rfc.md` and the tests read the same table.
 */
import type { Acceptance } from '@mailwheel/accept';

export interface Reply {
  readonly code: number;
  /** RFC 3463 status; absent where RFC 2034 wants none (greeting, 354). */
  readonly enhancedCode?: string;
  readonly text: string;
}

/** What a judgement gives: the value, or the reply that refuses. */
export type Judged<T> =
  | { readonly kind: 'taken'; readonly value: T }
  | { readonly kind: 'refused'; readonly reply: Reply };

export const replies = {
  senderOk: reply(250, '2.1.0', 'sender ok'),
  recipientOk: reply(250, '2.1.5', 'recipient ok'),
  startData: { code: 354, text: 'end data with <CR><LF>.<CR><LF>' },
  relayDenied: reply(550, '5.7.1', 'relaying is for trusted networks and users only'),
  tooManyRecipients: reply(452, '4.5.3', 'too many recipients'),
  tooManyDestinations: reply(452, '4.5.3', 'too many destination domains'),
  tooManyHops: reply(554, '5.4.6', 'too many hops: the message is in a loop'),
  bareNewline: reply(550, '5.6.11', 'the message contains a bare CR or LF'),
  nulOctet: reply(550, '5.6.11', 'the message contains a NUL octet'),
  unavailable: reply(451, '4.3.0', 'the queue is not available, try again later'),
  storeFull: reply(452, '4.3.1', 'the store is full, try again later'),
  pathSyntax: reply(501, '5.5.2', 'syntax: an address in angle brackets, then parameters'),
  notUtf8: reply(501, '5.5.2', 'the command is not valid UTF-8'),
  unknownParameter: reply(555, '5.5.4', 'a parameter is not recognized'),
  repeatedParameter: reply(501, '5.5.4', 'a parameter is given twice'),
  literalNotPublic: reply(553, '5.1.2', 'the address literal is neither public nor routed'),
  nestedMail: reply(503, '5.5.1', 'nested MAIL command'),
  needMail: reply(503, '5.5.1', 'need MAIL command'),
  needRecipient: reply(503, '5.5.1', 'need RCPT command'),
  dataTakesNoParameter: reply(501, '5.5.4', 'DATA takes no parameter'),
  chunkingNotOffered: reply(502, '5.5.1', 'BDAT is not offered here, closing'),
  senderNotAllowed: reply(550, '5.7.1', 'you may not send from this address'),
  userMessageRate: reply(450, '4.7.1', 'too many messages in this minute, try again later'),
  userRecipientRate: reply(450, '4.7.1', 'too many recipients in this minute, try again later'),
  needTls: reply(530, '5.7.0', 'must issue a STARTTLS command first'),
  userChanged: reply(421, '4.7.0', 'your login is no longer valid'),
  authNeedsTls: reply(538, '5.7.11', 'AUTH is offered under TLS only'),
  authSyntax: reply(501, '5.5.4', 'syntax: AUTH mechanism and at most an initial response'),
  authMechanism: reply(504, '5.5.4', 'the mechanisms are PLAIN and LOGIN'),
  authEncoding: reply(501, '5.5.2', 'the response cannot be decoded'),
  authCancelled: reply(501, '5.7.0', 'cancelled'),
  authAgain: reply(503, '5.5.1', 'already logged in'),
  authInTransaction: reply(503, '5.5.1', 'AUTH in the middle of a transaction'),
  loggedIn: reply(235, '2.7.0', 'logged in'),
  loginFailed: reply(535, '5.7.8', 'the user name or the password is wrong'),
  loginBusy: reply(454, '4.7.0', 'too many logins at once, try again later'),
  tooManyLoginFailures: reply(421, '4.7.0', 'too many failed logins from your address'),
  proxyNotAllowed: reply(421, '4.7.0', 'your address may not send a PROXY header'),
  tooSlowCommand: reply(421, '4.4.2', 'no whole command came in time'),
  tooSlowData: reply(421, '4.4.2', 'the message came too slowly'),
  notLoggedIn: reply(421, '4.7.0', 'you may not relay, and did not log in in time'),
  tooManyCommands: reply(421, '4.7.0', 'too many commands'),
  tooManyConnections: reply(421, '4.3.2', 'too many connections, try again later'),
  tooManyFromAddress: reply(421, '4.7.0', 'too many connections from your address'),
  shuttingDown: reply(421, '4.3.2', 'shutting down, try again later'),
  takesTooLong: reply(421, '4.4.2', 'the transaction takes too long'),
  tooSlow: reply(421, '4.3.1', 'the message came too slowly while memory is short'),
} as const satisfies Record<string, Reply>;

/** RFC 1870: the size declared at MAIL, or the size met in DATA, is above the limit. */
export function messageTooLarge(messageBytesMax: number): Reply {
  return reply(552, '5.3.4', `the message is larger than ${messageBytesMax} bytes`);
}

/** A parameter whose value breaks its grammar: names the parameter, never the value. */
export function badParameter(keyword: string): Reply {
  return reply(501, '5.5.4', `the value of ${keyword} is not valid`);
}

/** The reply that a store's answer stands for. 250 is said only when everything is durable. */
export function replyToAcceptance(acceptance: Acceptance): Reply {
  switch (acceptance.kind) {
    case 'accepted':
      return reply(250, '2.0.0', `Ok: queued as ${acceptance.messageId}`);
    case 'full':
      return replies.storeFull;
    case 'conflict':
    case 'unavailable':
    case 'unknown':
      return replies.unavailable;
  }
}

function reply(code: number, enhancedCode: string, text: string): Reply {
  return { code, enhancedCode, text };
}
