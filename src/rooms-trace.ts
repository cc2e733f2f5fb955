// Tracing as it is configured. OpenTelemetry is loaded here, and only where there is a collector.
import type { Config } from './config/types.ts';
import { describeCause } from './record/record.ts';
import { clocksOf, type GatewayDependencies } from './rooms-base.ts';
import { type Tracing, UNTRACED } from './trace/trace.ts';

/** Between two lines about spans that were lost. */
const SAY_MS = 60_000;

/** Of this thread: each one sends its own spans. */
export async function openTracing({ tracing }: Config, dependencies: GatewayDependencies): Promise<Tracing> {
  if (tracing === undefined) return UNTRACED;
  const { log, version } = dependencies;
  const clocks = clocksOf(dependencies);
  let lost = 0;
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  const onLost = (cause: unknown, spans: number): void => {
    lost += spans;
    if (clocks.steady() < quietUntilMs) return;
    log.warn({ ...describeCause(cause), spans: lost }, 'the collector did not take spans');
    lost = 0;
    quietUntilMs = clocks.steady() + SAY_MS;
  };
  const { openTracing: open } = await import('./trace/tracing.ts');
  return open({ ...tracing, ...clocks, version, onLost });
}
