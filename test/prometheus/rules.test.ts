// config/prometheus/: the files are Prometheus's own, the rules do what they say, and every metric in them exists.
import { describe, expect, it } from 'vitest';
import { needs } from '../support/needs.ts';
import { ROOT, run } from '../support/process.ts';
import { alertsOf, LABELS_OF, metricsIn, RULE_TESTS, readRules, readRuleTests } from './files.ts';

const HAS_PROMTOOL = needs('promtool', 'apt-get install prometheus');
const cwd = `${ROOT}config/prometheus`;
const alerts = alertsOf(readRules());
const tests = readRuleTests().tests.flatMap(({ alert_rule_test }) => alert_rule_test);

describe('the rules', () => {
  it.runIf(HAS_PROMTOOL)('are accepted by promtool, with the configuration that names them', async () => {
    const { code, stdout, stderr } = await run('promtool', ['check', 'config', 'prometheus.yml'], { cwd });
    expect(stderr).toBe('');
    expect(stdout).toContain('1 rule files found');
    expect(stdout).toContain(`${readRules().flatMap(({ rules }) => rules).length} rules found`);
    expect(code).toBe(0);
  });

  it.runIf(HAS_PROMTOOL)('pass their unit tests', async () => {
    const { code, stdout, stderr } = await run('promtool', ['test', 'rules', ...RULE_TESTS], { cwd });
    expect(`${stdout}${stderr}`.match(/SUCCESS/g)).toHaveLength(RULE_TESTS.length);
    expect(code).toBe(0);
  });

  it.each([...new Set(alerts.map(({ alert }) => alert))])(
    '%s has a test where it fires and one where it does not',
    (alert) => {
      const ofIt = tests.filter(({ alertname }) => alertname === alert);
      expect(ofIt.some(({ exp_alerts }) => exp_alerts.length > 0)).toBe(true);
      expect(ofIt.some(({ exp_alerts }) => exp_alerts.length === 0)).toBe(true);
    },
  );

  it('are named after the gateway, and say how bad, what, what was seen, and where to read on', () => {
    for (const { alert, labels, annotations } of alerts) {
      expect(alert).toMatch(/^OnetimeGateway[A-Z]\w+$/);
      expect(['page', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary, alert).toMatch(/\.$/);
      expect(annotations.description, alert).toMatch(/\{\{ .*\$(value|labels)/s);
      expect(annotations.runbook_url, alert).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    }
  });

  it('ask for metrics and labels that the gateway has', () => {
    const asked = readRules().flatMap(({ rules }) => rules.flatMap((rule) => metricsIn(JSON.stringify(rule))));
    expect(asked.length).toBeGreaterThan(30);
    for (const { name, labels } of asked) {
      expect([...LABELS_OF.keys()]).toContain(name);
      expect(LABELS_OF.get(name), name).toEqual(expect.arrayContaining([...labels]));
    }
  });
});
