/** Where the edge packages meet: the store of one process, built from settings. For apps only. */
export { connectOptions } from './connect-options.ts';
export {
  deleteJob,
  deliverAgain,
  jobFor,
  type Deletion,
  type OperateSources,
  type Redelivery,
} from './operate.ts';
export { openStore, type OpenStoreOptions, type Store, type StoreHooks } from './store.ts';
export { resolverFor, rotationFor } from './routes.ts';
