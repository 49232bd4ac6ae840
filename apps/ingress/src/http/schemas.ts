/**
 * JSON schemas of the HTTP API: fastify checks requests by them, and the description of the API (`openapi.ts`) is made
 * from them. Written for JSON Schema draft 7 and 2020-12 alike.
 */

/** Sizes of what JSON may hold, beside `bodyBytesMax` and the limits of SMTP. */
export const jsonLimits = {
  headersMax: 100,
  attachmentsMax: 100,
  subjectCharactersMax: 2000,
  headerValueCharactersMax: 8000,
  /** Values in all, of which four lists of 1000 mailboxes need 12,000. */
  valuesMax: 20_000,
  /** The schema knows three levels. */
  depthMax: 10,
} as const;

/** Not a header field of the API: set by their own fields, or by us, or part of the MIME structure. */
export const reservedHeaders: readonly string[] = [
  'from',
  'to',
  'cc',
  'bcc',
  'reply-to',
  'subject',
  'mime-version',
  'received',
  'return-path',
];

/** Text that stands on one header line: no control characters. */
const oneLine = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$';

const mailbox = {
  description: 'A mailbox: `user@example.com`, `Name <user@example.com>`, or an object.',
  oneOf: [
    { type: 'string', minLength: 1, maxLength: 1000, pattern: oneLine },
    {
      type: 'object',
      required: ['address'],
      additionalProperties: false,
      properties: {
        address: { type: 'string', minLength: 1, maxLength: 320, pattern: oneLine },
        name: { type: 'string', maxLength: 320, pattern: oneLine },
      },
    },
  ],
} as const;

const mailboxes = { type: 'array', items: mailbox, maxItems: 1000 } as const;

const notify = {
  description: 'RFC 3461 NOTIFY for every recipient: when a delivery status notification is wanted.',
  type: 'array',
  minItems: 1,
  maxItems: 3,
  uniqueItems: true,
  items: { enum: ['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'] },
} as const;

const ret = {
  description: 'RFC 3461 RET: what a bounce returns of the message.',
  enum: ['FULL', 'HDRS'],
} as const;
const envid = {
  description: 'RFC 3461 ENVID: your own id of the transaction, returned in bounces.',
  type: 'string',
  minLength: 1,
  maxLength: 100,
  pattern: oneLine,
} as const;
const priority = {
  description: '`high` goes before `normal`, `normal` before `bulk`, within one destination.',
  enum: ['high', 'normal', 'bulk'],
} as const;

const attachment = {
  type: 'object',
  required: ['contentBase64'],
  additionalProperties: false,
  properties: {
    filename: { type: 'string', minLength: 1, maxLength: 255, pattern: oneLine },
    contentType: {
      description: 'Media type without parameters, or with a charset. Default: by the filename.',
      type: 'string',
      maxLength: 127,
      pattern: '^(?!multipart/)[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; ?charset=[A-Za-z0-9._-]+)?$',
    },
    contentBase64: { type: 'string', pattern: '^[A-Za-z0-9+/\\r\\n]*={0,2}[\\r\\n]*$' },
    cid: {
      description: 'Content-Id by which the HTML part refers to it (`cid:logo`).',
      type: 'string',
      minLength: 1,
      maxLength: 255,
      pattern: '^[A-Za-z0-9._@+-]+$',
    },
  },
} as const;

/** `POST /v1/messages` as application/json. */
export const submissionSchema = {
  $id: 'Submission',
  title: 'A message to be composed',
  type: 'object',
  required: ['from'],
  additionalProperties: false,
  anyOf: [{ required: ['to'] }, { required: ['cc'] }, { required: ['bcc'] }],
  properties: {
    from: mailbox,
    to: mailboxes,
    cc: mailboxes,
    bcc: mailboxes,
    replyTo: mailboxes,
    subject: { type: 'string', maxLength: jsonLimits.subjectCharactersMax, pattern: oneLine },
    text: { type: 'string' },
    html: { type: 'string' },
    headers: {
      description:
        'Further header fields. Those that have their own field here, and those of MIME, are refused.',
      type: 'object',
      maxProperties: jsonLimits.headersMax,
      propertyNames: { pattern: '^[!-9;-~]{1,76}$' },
      additionalProperties: {
        type: 'string',
        maxLength: jsonLimits.headerValueCharactersMax,
        pattern: oneLine,
      },
    },
    attachments: { type: 'array', maxItems: jsonLimits.attachmentsMax, items: attachment },
    priority,
    notify,
    ret,
    envid,
  },
} as const;

/** Query of `POST /v1/messages` as message/rfc822: the envelope. */
export const envelopeQuerySchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    from: {
      description: 'Reverse-path. Empty: the null reverse-path. Needed with message/rfc822.',
      type: 'string',
      maxLength: 320,
    },
    to: {
      description: 'Recipient; give it once for each. Needed with message/rfc822.',
      oneOf: [
        { type: 'string', minLength: 1, maxLength: 320 },
        {
          type: 'array',
          minItems: 1,
          maxItems: 1000,
          items: { type: 'string', minLength: 1, maxLength: 320 },
        },
      ],
    },
    notify: {
      description: 'RFC 3461 NOTIFY for every recipient, comma-separated: `FAILURE,DELAY` or `NEVER`.',
      type: 'string',
      pattern: '^(NEVER|(SUCCESS|FAILURE|DELAY)(,(SUCCESS|FAILURE|DELAY)){0,2})$',
    },
    ret,
    envid,
    priority,
  },
} as const;

export const idempotencyKeySchema = {
  description:
    'Makes a repetition safe: the same key with the same request gives the same message, with another request 422.',
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^[ -~]+$',
} as const;

/** Body of 202. */
export const acceptedSchema = {
  $id: 'Accepted',
  title: 'The message is stored durably',
  type: 'object',
  required: ['id', 'recipients', 'repeated'],
  properties: {
    id: { description: 'Id of the message, also in its Received line.', type: 'string' },
    recipients: { description: 'How many recipients it goes to.', type: 'integer' },
    repeated: { description: 'An earlier request with this Idempotency-Key had stored it.', type: 'boolean' },
  },
} as const;

const time = { type: 'string', format: 'date-time' } as const;

const recipientStatus = {
  type: 'object',
  required: ['index', 'address', 'state'],
  properties: {
    index: { description: 'Place in the envelope, from 0: the RID of the logs.', type: 'integer' },
    address: { type: 'string' },
    state: {
      description: 'The first four are open, the others final.',
      enum: [
        'queued',
        'delivering',
        'deferred',
        'held',
        'delivered',
        'bounced',
        'expired',
        'deleted',
        'quarantined',
      ],
    },
    nextAttemptAt: { ...time, description: 'When a deferred recipient is tried again.' },
    at: { ...time, description: 'When the final result came.' },
    host: { description: 'Host that answered.', type: 'string' },
    reply: { description: 'The reply that decided.', type: 'string' },
  },
} as const;

const attempt = {
  type: 'object',
  required: ['at', 'attempt', 'host', 'phase', 'outcome', 'recipients', 'reply', 'milliseconds'],
  properties: {
    at: time,
    attempt: {
      description: 'Number of the attempt, from 1; one attempt may ask several hosts.',
      type: 'integer',
    },
    host: { type: 'string' },
    phase: {
      description: 'Where in the dialogue it was decided.',
      enum: ['dns', 'connect', 'tls', 'greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'body', 'final'],
    },
    outcome: { enum: ['delivered', 'deferred', 'bounced', 'next-host', 'unknown-outcome'] },
    recipients: {
      description: 'Indices of the recipients it was about.',
      type: 'array',
      items: { type: 'integer' },
    },
    reply: { type: 'string' },
    milliseconds: { type: 'number' },
  },
} as const;

/** Body of `GET /v1/messages/{id}`. */
export const messageStatusSchema = {
  $id: 'MessageStatus',
  title: 'What became of a message',
  type: 'object',
  required: ['id', 'acceptedAt', 'from', 'recipients', 'attempts'],
  properties: {
    id: { type: 'string' },
    acceptedAt: time,
    from: { description: 'Reverse-path; empty: the null reverse-path.', type: 'string' },
    subject: { type: 'string' },
    priority,
    bytes: { description: 'Size of the message as it is relayed.', type: 'integer' },
    recipients: { type: 'array', items: recipientStatus },
    attempts: {
      description: 'The ledger: each host that was asked, eldest first.',
      type: 'array',
      items: attempt,
    },
  },
} as const;

export const problemSchema = {
  $id: 'Problem',
  title: 'Why a request was not taken (RFC 9457)',
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { description: '`urn:mailwheel:problem:<code>`', type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: {
            description: 'JSON pointer into the body, `query:name` or `header:name`.',
            type: 'string',
          },
          message: { type: 'string' },
        },
      },
    },
  },
} as const;
