/** Settings of delivery status notifications and of what is kept of failed messages. */
import { optional, section, text, whole, type Field } from '../field.ts';

export interface BounceSettings {
  readonly wholeMessageBytesMax: number;
  readonly postmasterCopy?: string | undefined;
  readonly delayWarningSeconds: number;
  readonly delayWarningsMax: number;
  readonly senderName: string;
}

export interface BouncedSettings {
  readonly keepSeconds: number;
  readonly keepPerDestination: number;
}

export const bounce: Field<BounceSettings> = section<BounceSettings>(
  'Delivery status notifications (RFC 3464).',
  {
    wholeMessageBytesMax: whole({
      min: 0,
      max: 104_857_600,
      initial: 10_240,
      unit: 'bytes',
      says: 'Messages up to this size are returned whole, larger ones as headers only.',
    }),
    postmasterCopy: optional(
      text({
        expects: 'a mail address',
        type: 'mail address',
        accepts: (value) => /^[^\s<>@]+@[^\s<>@]+$/.test(value),
        charactersMax: 320,
        says: 'Address told of bounces that cannot be sent because the reverse-path is empty; absent: nobody.',
      }),
    ),
    delayWarningSeconds: whole({
      min: 0,
      max: 2_592_000,
      initial: 0,
      unit: 'seconds',
      says: 'Age at which the sender is warned of a delay; 0: only where NOTIFY=DELAY asks for it, at a quarter of `retry.maxAgeSeconds`.',
    }),
    delayWarningsMax: whole({
      min: 1,
      max: 100,
      initial: 1,
      unit: 'warnings',
      says: 'Delay warnings sent for one message.',
    }),
    senderName: text({
      expects: 'one line of text',
      type: 'text',
      accepts: (value) => !/[\p{Cc}"\\]/u.test(value),
      charactersMax: 100,
      initial: 'Mail Delivery System',
      says: 'Display name in the From line of a notification.',
    }),
  },
);

export const bounced: Field<BouncedSettings> = section<BouncedSettings>('What is kept of failed messages.', {
  keepSeconds: whole({
    min: 0,
    max: 31_536_000,
    initial: 86_400,
    unit: 'seconds',
    says: 'How long failed messages and their bodies are kept; 0: not at all.',
  }),
  keepPerDestination: whole({
    min: 0,
    max: 1_000_000,
    initial: 1000,
    unit: 'messages',
    says: 'Failed messages kept per destination; the oldest are dropped first.',
  }),
});
