/**
 * What an envelope is made of: addresses, destinations, ids, parts, and text from peers made fit to be shown. Values in,
 * values out; every other package speaks in these types.
 */
export type * from './types.ts';
export {
  createMessageId,
  homeShard,
  jobId,
  messageIdRandomBytes,
  parseJobId,
  parseMessageId,
  shardsMax,
} from './ids.ts';
export {
  destinationAddress,
  destinationKey,
  domainBytesMax,
  type DestinationResult,
  type Refusal,
} from './destination.ts';
export {
  localPartBytesMax,
  parseAddress,
  pathBytesMax,
  type AddressOptions,
  type ParsedAddress,
} from './address.ts';
export { addressScope, parseIpAddress, type AddressScope, type IpAddress } from './ip.ts';
export {
  fnv1a32,
  recipientsPerJobDefault,
  shardOf,
  splitIntoJobs,
  type JobPart,
  type SplitOptions,
} from './jobs.ts';
export { printable, shorten } from './printable.ts';
export { decodeXtext, encodeXtext } from './xtext.ts';
