// The admin API's routes about the gateway itself: its live state, its configuration, its log, its audit log.
import { answerHead } from './admin-live-stream.ts';
import { Problem } from './admin-problem.ts';
import { type AdminRoute, type Context, defineRoute } from './admin-route.ts';
import { SCHEMAS } from './admin-schemas.ts';
import { AuditTail, GATEWAY_SCHEMAS, TAIL } from './admin-schemas-gateway.ts';
import { auditView } from './admin-views.ts';

const PLAIN = { changes: false, params: undefined, query: undefined, body: undefined } as const;

function liveOf({ live }: Context): NonNullable<Context['live']> {
  if (live === undefined) throw new Problem('not_sampled', { hint: 'GET /metrics has what Prometheus is told.' });
  return live;
}

function configurationOf({ configuration }: Context): NonNullable<Context['configuration']> {
  if (configuration !== undefined) return configuration;
  throw new Problem('configuration_fixed', { hint: 'Run it with `onetime-gateway serve --config FILE`.' });
}

function logLevelOf({ logLevel }: Context): NonNullable<Context['logLevel']> {
  if (logLevel === undefined) throw new Problem('log_level_fixed', { hint: 'Set log.level, and restart it.' });
  return logLevel;
}

function auditOff(): Problem {
  return new Problem('audit_off', { hint: 'Name a file under audit.file, and restart the gateway.' });
}

const live: readonly AdminRoute[] = [
  defineRoute({
    ...PLAIN,
    id: 'live.listen',
    method: 'GET',
    path: '/live',
    summary: 'What the gateway does at the moment, as server-sent events, each second.',
    media: 'text/event-stream',
    answers: { 200: GATEWAY_SCHEMAS.LiveState },
    problems: ['not_sampled', 'too_many_listeners'],
    handle: async (_input, context) => {
      const { join } = liveOf(context);
      return {
        stream(response) {
          if (response.req.method === 'HEAD') answerHead(response);
          else join(response, context.mayStill);
        },
      };
    },
  }),
  defineRoute({
    ...PLAIN,
    id: 'state.get',
    method: 'GET',
    path: '/state',
    summary: 'One sample of what the gateway does at the moment; may take a second.',
    answers: { 200: GATEWAY_SCHEMAS.LiveState },
    problems: ['not_sampled', 'unavailable'],
    handle: async (_input, context) => ({ status: 200, body: await liveOf(context).state() }),
  }),
];

const configuration: readonly AdminRoute[] = [
  defineRoute({
    ...PLAIN,
    id: 'config.get',
    method: 'GET',
    path: '/config',
    summary: 'The configuration in force, and where each value comes from.',
    answers: { 200: GATEWAY_SCHEMAS.Configuration },
    problems: ['configuration_fixed'],
    handle: async (_input, context) => ({ status: 200, body: { values: configurationOf(context).inForce() } }),
  }),
  defineRoute({
    ...PLAIN,
    id: 'reload.get',
    method: 'GET',
    path: '/reload',
    summary: 'Since when the configuration is in force, and what came of the last reload.',
    answers: { 200: GATEWAY_SCHEMAS.ReloadStatus },
    problems: ['configuration_fixed'],
    handle: async (_input, context) => ({ status: 200, body: configurationOf(context).status() }),
  }),
  defineRoute({
    ...PLAIN,
    id: 'reload.run',
    method: 'POST',
    path: '/reload',
    summary: 'Reads the configuration again, and applies it as a whole or not at all.',
    changes: true,
    body: SCHEMAS.Nothing,
    answers: { 200: GATEWAY_SCHEMAS.Reloaded, 422: GATEWAY_SCHEMAS.ReloadRefused },
    problems: ['configuration_fixed'],
    handle: async (_input, context) => {
      const report = await configurationOf(context).reload(context.actor);
      if (report.result !== 'refused') return { status: 200, body: report, about: report.result };
      const message = 'The configuration is not good, so the one before stays in force.';
      return { status: 422, body: { error: 'reload_refused', message, ...report } };
    },
  }),
  defineRoute({
    ...PLAIN,
    id: 'logLevel.get',
    method: 'GET',
    path: '/log-level',
    summary: 'What is logged.',
    answers: { 200: GATEWAY_SCHEMAS.LogLevel },
    problems: ['log_level_fixed'],
    handle: async (_input, context) => ({ status: 200, body: { level: logLevelOf(context).get() } }),
  }),
  defineRoute({
    ...PLAIN,
    id: 'logLevel.put',
    method: 'PUT',
    path: '/log-level',
    summary: 'Changes what is logged, until the next restart.',
    changes: true,
    body: GATEWAY_SCHEMAS.LogLevel,
    answers: { 200: GATEWAY_SCHEMAS.LogLevel },
    problems: ['log_level_fixed'],
    handle: async ({ body: { level } }, context) => {
      logLevelOf(context).set(level);
      return { status: 200, body: { level }, about: level };
    },
  }),
];

const audit: readonly AdminRoute[] = [
  defineRoute({
    ...PLAIN,
    id: 'audit.tail',
    method: 'GET',
    path: '/audit',
    summary: 'The last records of the audit log, and how it is.',
    query: AuditTail,
    answers: { 200: GATEWAY_SCHEMAS.AuditTailed },
    problems: ['audit_off'],
    handle: async ({ query: { count = TAIL } }, context) => {
      if (context.audit === undefined) throw auditOff();
      const records = await context.audit.tail(count);
      return { status: 200, body: { readings: auditView(context.audit.readings()), records } };
    },
  }),
  defineRoute({
    ...PLAIN,
    id: 'audit.verify',
    method: 'POST',
    path: '/audit/verification',
    summary: 'Reads the whole audit log again, and says whether it is as it was written.',
    body: SCHEMAS.Nothing,
    answers: { 200: GATEWAY_SCHEMAS.AuditVerified },
    problems: ['audit_off', 'verification_running', 'verification_slow'],
    handle: async (_input, { verification }) => {
      if (verification === undefined) throw auditOff();
      return { status: 200, body: await verification.run() };
    },
  }),
];

export const GATEWAY_ROUTES: readonly AdminRoute[] = [...live, ...configuration, ...audit];
