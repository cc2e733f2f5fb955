// Counters of limits that all gateways share: the generic cell rate algorithm as one atomic script, by the engine's own
// clock, so that the clocks of gateways do not matter.
import type { SharedDecision, SharedLimits } from './store.ts';
import type { ValkeyClient } from './valkey-client.ts';
import { createScript } from './valkey-script.ts';

/**
 * limit/gcra.ts line by line, in whole microseconds. A double holds these exactly, and Lua would write them as 1.8e+15
 * if it were let. An entry goes away by itself when its TAT has passed: then it says the same as none.
 *
 * KEYS: the entry. ARGV: how, emission, tolerance, cost. Answers allowed (0 or 1), retry after, remaining, reset.
 */
export const GCRA_SCRIPT = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local how, emission, tolerance, cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = tonumber(redis.call('GET', KEYS[1]) or '0') or 0

-- What is more than two bursts ahead was written by a clock that has gone back since: the bucket is taken as empty.
local tat = stored
if tat <= now then tat = now elseif tat - now > 2 * tolerance then tat = now + tolerance end

local function keep(next)
  if next == stored or next <= now then return end
  redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', string.format('%.0f', math.ceil((next - now) / 1000)))
end
local function remaining(owed)
  if owed >= tolerance then return 0 end
  return math.floor((tolerance - owed) / emission)
end

if how == 'charge' then
  local charged = math.max(tat, math.min(tat, now + tolerance) + math.min(cost * emission, tolerance))
  keep(charged)
  return { 1, 0, remaining(charged - now), charged - now }
end

local price = cost * emission
if how == 'peek' then price = emission end
local after = tat + price
local allowed = after - now <= tolerance
local wait = 0
if not allowed then
  wait = after - now
  if price <= tolerance then wait = wait - tolerance end
end
local owed = tat - now
if how == 'spend' and allowed then
  keep(after)
  owed = after - now
end
return { allowed and 1 or 0, wait, remaining(owed), owed }
`;

const US_PER_MS = 1000;

/** Makes the counters. State: none here. Each entry is in a slot of its own, so they spread over the nodes. */
export function createValkeyLimits(client: ValkeyClient): SharedLimits {
  const script = createScript(GCRA_SCRIPT);

  return {
    async apply(how, limit, key, rate, cost, patience) {
      const name = `${client.prefix}l:${limit}:${key.toString('base64url')}`;
      const args = [how, rate.emissionUs, rate.toleranceUs, cost];
      try {
        const answer = await client.ask((redis) => script(redis, [name], args), patience);
        return { kind: 'found', value: decisionOf(answer) };
      } catch (cause) {
        return { kind: 'unavailable', cause };
      }
    },
  };
}

/** @throws TypeError for what is not this script's answer: then something else stands between gateway and engine */
function decisionOf(answer: unknown): SharedDecision {
  if (!Array.isArray(answer) || answer.length !== 4 || !answer.every(Number.isFinite)) {
    throw new TypeError('the engine’s answer about a limit cannot be read');
  }
  const [allowed, retryAfterUs, remaining, resetUs] = answer as [number, number, number, number];
  return { allowed: allowed === 1, retryAfterMs: retryAfterUs / US_PER_MS, remaining, resetMs: resetUs / US_PER_MS };
}
