export type * from './types.ts';
export { createRotation } from './create-rotation.ts';
export type { RotationOptions } from './options.ts';
export { hostsPerPickMax } from './pick-call.ts';
export { snapshotRowsMax } from './snapshot.ts';
