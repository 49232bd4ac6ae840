/**
 * Moves bytes to a destination host: pooled SMTP connections, and one mail transaction on one of them. It decides nothing: it
 * reports what happened, in the vocabulary of `verdict`.
 */
export type * from './types.ts';
export { createDelivery } from './create-delivery.ts';
export {
  bodyBlockBytes,
  deliveryTimeoutsDefault,
  openingBytesMax,
  replyBytesMax,
  type DeliveryOptions,
  type DeliveryTimeouts,
} from './options.ts';
