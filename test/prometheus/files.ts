// The files of config/prometheus/ and config/grafana/ as tests read them.
import { parse } from 'yaml';
import { METRICS } from '../../src/record/metric-table.ts';
import { readDocument } from '../support/markdown.ts';

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

export type Alert = Required<Pick<Rule, 'alert' | 'expr' | 'labels' | 'annotations'>>;

/** The groups of rules.yml. */
export function readRules(): readonly RuleGroup[] {
  const { groups }: { groups: readonly RuleGroup[] } = parse(readDocument('config/prometheus/rules.yml'));
  return groups;
}

/** The rules that are alerts; what one lacks is empty. */
export function alertsOf(groups: readonly RuleGroup[]): Alert[] {
  return groups.flatMap(({ rules }) =>
    rules.flatMap(({ alert, expr, labels = {}, annotations = {} }) =>
      alert === undefined ? [] : [{ alert, expr, labels, annotations }],
    ),
  );
}

export interface RuleTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
  }[];
}

/** The files of unit tests, beside the rules. */
export const RULE_TESTS = ['rules.test.yml', 'rules-hours.test.yml'] as const;

export function readRuleTests(): RuleTests {
  const files = RULE_TESTS.map((file): RuleTests => parse(readDocument(`config/prometheus/${file}`)));
  return { tests: files.flatMap(({ tests }) => tests) };
}

/** Metrics of the gateway's own in a text, without prefix and the suffixes of histograms, and the labels asked of each. */
export function metricsIn(text: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [...text.matchAll(/(?<![:\w])onetime_gateway_(\w+?)(?:_bucket|_count|_sum)?\b(?:\{(.*?)\})?/g)].map(
    ([, name = '', matchers = '']) => ({
      name,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=|!=|=~|!~)"/g)].flatMap(([, label]) =>
        label === undefined || OF_PROMETHEUS.has(label) ? [] : [label],
      ),
    }),
  );
}

/** Labels that the scrape adds, or that belong to every histogram. */
const OF_PROMETHEUS = new Set(['job', 'instance', 'le']);

/** The labels of each metric of the gateway's own. */
export const LABELS_OF: ReadonlyMap<string, readonly string[]> = new Map(
  METRICS.map(({ name, labels }) => [name, labels] as const),
);
