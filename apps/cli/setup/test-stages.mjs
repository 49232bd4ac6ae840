/**
 * Everything that CI runs, in order, each stage with its time: checks, unit tests, scenarios, load smoke. All stages run
 * even when one fails. The last line is `N passed, N failed`, summed over them; a check counts as one test.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectNode, root, run } from './programs.mjs';

/** A stage that hangs is ended after this and counts as failed, so that CI gets its summary. */
const stageMsMax = { check: 300_000, unit: 480_000, scenarios: 900_000, smoke: 300_000 };

/** Resolves with the exit code: 0 when nothing failed. */
export async function runTests() {
  const reports = mkdtempSync(join(tmpdir(), 'mailwheel-test-'));
  const rows = [];
  try {
    for (const stage of stages(reports)) {
      console.log(`\n=== ${stage.name}`);
      const startedMs = Date.now();
      const { passed, failed } = await stage.run();
      rows.push({ name: stage.name, passed, failed, seconds: (Date.now() - startedMs) / 1_000 });
    }
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
  return summarize(rows);
}

function stages(reports) {
  const all = [
    ...checks().map((line) => ({
      name: `check: ${line}`,
      run: () => command(() => run(line, [], { shell: true, limitMs: stageMsMax.check })),
    })),
    vitest('unit', ['packages', 'apps', 'test/structure'], reports),
    vitest('scenarios', ['test/scenario'], reports),
  ];
  const smoke = join(root, 'test', 'load', 'smoke.ts');
  if (existsSync(smoke))
    all.push({
      name: 'load smoke',
      run: () => command(() => run(projectNode, [smoke], { limitMs: stageMsMax.smoke })),
    });
  return all;
}

/** The parts of `npm run check`, one by one, so that the second is told although the first failed. */
function checks() {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return scripts.check.split('&&').map((line) => line.trim());
}

async function command(start) {
  const { code } = await start();
  return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

function vitest(name, folders, reports) {
  const report = join(reports, `${name}.json`);
  const present = folders.filter((folder) => existsSync(join(root, folder)));
  const words = [
    'run',
    '--config=test/vitest.config.ts',
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...present,
  ];
  return {
    name,
    run: async () => {
      if (present.length === 0) return { passed: 0, failed: 0 };
      const { code } = await run('vitest', words, { limitMs: stageMsMax[name] });
      if (code === 124) console.log(`${name}: ended after ${stageMsMax[name] / 60_000} minutes`);
      return counts(report, code);
    },
  };
}

/**
 * A file that does not load, or whose set-up fails, has no failed test, and a crashed run has no report: each is a failure
 * of its own. So is a run that had to be ended although its tests are told: something holds it.
 */
function counts(report, code) {
  let passed = 0;
  let failed = 0;
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const broken = testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    );
    passed = numPassedTests;
    failed = numFailedTests + broken.length;
  }
  if (code !== 0 && (failed === 0 || code === 124)) failed += 1;
  return { passed, failed };
}

function summarize(rows) {
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  const width = Math.max(...rows.map((row) => row.name.length));
  console.log('\n=== summary');
  for (const { name, passed, failed, seconds } of rows) {
    const time = `${seconds.toFixed(1).padStart(7)} s`;
    console.log(`${name.padEnd(width)}  ${time}  ${passed} passed, ${failed} failed`);
  }
  console.log(`${'together'.padEnd(width)}  ${sum('seconds').toFixed(1).padStart(7)} s`);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') === 0 ? 0 : 1;
}
