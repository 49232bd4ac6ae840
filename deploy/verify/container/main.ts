/** `container.sh`: the checks of the image alone. */
import { summary } from '../report.ts';
import { checkContainers } from './check.ts';

await checkContainers(process.argv[2] ?? '/var/tmp/mailwheel-verify');
summary();
