/** Writes the generated pages again: `node test/structure/write-pages.ts` after a change of settings or metrics. */
import { writeFileSync } from 'node:fs';
import { renderReference } from '@mailwheel/settings';
import { renderMetricsReference } from '@mailwheel/telemetry';

const docs = new URL('../../docs/', import.meta.url);
writeFileSync(new URL('settings.md', docs), renderReference());
writeFileSync(new URL('metrics.md', docs), renderMetricsReference());
