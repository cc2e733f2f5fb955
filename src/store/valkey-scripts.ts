// The directory's scripts: each is one step of the engine. All keys lie in one slot, tag `dir`.
//
// KEYS of all: accounts, changes, leases, drained, moving. ARGV[1] of all: the channel of news.
// `accounts` is a hash: under `g` the generation, under `e` the epoch, under an account's 16 bytes its entry
// (valkey-accounts.ts). The mark is lost with the accounts or not at all. `n`: the generation that `init` is about to
// make. `h`: whose import is about to end, and until when nobody else changes accounts.
import { CHANGES_KEPT } from './directory-store.ts';
import { createScript } from './valkey-script.ts';

/** Answers are a list whose first word is the kind: `lost` has no mark, `held` is worth another try. */
const COMMON = `
local ACCOUNTS, CHANGES, LEASES, DRAINED, MOVING = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local g, e, hold = unpack(redis.call('HMGET', ACCOUNTS, 'g', 'e', 'h'))
e = tonumber(e or '0')
local function int(number) return string.format('%.0f', number) end
local function clockMs()
  local clock = redis.call('TIME')
  return clock[1] * 1000 + math.floor(clock[2] / 1000)
end
local function split(text)
  local parts = {}
  for part in string.gmatch(text .. '\\t', '(.-)\\t') do parts[#parts + 1] = part end
  return parts
end
local function hex(bytes)
  return (string.gsub(bytes, '.', function(byte) return string.format('%02x', string.byte(byte)) end))
end
local function isHeld(token)
  if not hold then return false end
  local owner, untilMs = unpack(split(hold))
  return owner ~= token and tonumber(untilMs) > clockMs()
end
local function raise(what, hash, actor, detail)
  e = e + 1
  redis.call('HSET', ACCOUNTS, 'e', int(e))
  local change = { int(e), int(clockMs()), what, hash and hex(hash) or '', actor, detail }
  redis.call('LPUSH', CHANGES, table.concat(change, '\\t'))
  redis.call('LTRIM', CHANGES, 0, ${CHANGES_KEPT - 1})
  redis.pcall('PUBLISH', ARGV[1], 'd')
end
local function get(hash)
  local entry = redis.call('HGET', ACCOUNTS, hash)
  return entry and split(entry)
end
local function put(hash, parts)
  parts[1] = int(e)
  redis.call('HSET', ACCOUNTS, hash, table.concat(parts, '\\t'))
  redis.call(parts[6] and 'SADD' or 'SREM', MOVING, hash)
end
local function answer(kind, hash) return { kind, hash, redis.call('HGET', ACCOUNTS, hash) } end
local function unexpired()
  local now, kept = clockMs(), {}
  local all = redis.call('HGETALL', LEASES)
  for i = 1, #all, 2 do
    local seen, untilMs, label = unpack(split(all[i + 1]))
    if tonumber(untilMs) > now then
      kept[#kept + 1] = { all[i], label, seen, int(tonumber(untilMs) - now) }
    else
      redis.call('HDEL', LEASES, all[i])
    end
  end
  return kept
end
`;

const NEEDS_MARK = `${COMMON}
if not g then return { 'lost' } end
`;

const CHANGES_ACCOUNTS = `${NEEDS_MARK}
if isHeld('') then return { 'held' } end
`;

/** ARGV: how, a generation to make. Answers the one to be made: of several that try, all make the same. */
const PREPARE = `${COMMON}
if isHeld('') then return { 'held' } end
if g and ARGV[2] == 'new' then return { 'exists' } end
redis.call('HSETNX', ACCOUNTS, 'n', ARGV[3])
return { 'make', redis.call('HGET', ACCOUNTS, 'n') }
`;

/** ARGV: how, the generation, actor. After the marks of all buckets have been written. */
const INIT = `${COMMON}
local how, generation, actor = ARGV[2], ARGV[3], ARGV[4]
if g == generation then return { how == 'new' and 'exists' or 'renewed' } end
if redis.call('HGET', ACCOUNTS, 'n') ~= generation then return { 'held' } end
local newest = redis.call('LINDEX', CHANGES, 0)
if newest then e = math.max(e, tonumber(split(newest)[1])) end
redis.call('HSET', ACCOUNTS, 'g', generation)
redis.call('HDEL', ACCOUNTS, 'n')
-- Nobody has seen anything of the generation that begins.
local all = redis.call('HGETALL', LEASES)
for i = 1, #all, 2 do
  local _, untilMs, label = unpack(split(all[i + 1]))
  redis.call('HSET', LEASES, all[i], table.concat({ '0', untilMs, label }, '\\t'))
end
raise(how == 'new' and 'initialised' or 'renewed', nil, actor, '')
return { g and 'renewed' or 'made' }
`;

/**
 * ARGV: gateway or nothing, label, seen, leaseMs; generation, epoch and last change that were seen, or nothing. An epoch that
 * was lost and made again by another change is told by that change.
 */
const FOLLOW = `${NEEDS_MARK}
local gateway, label, seen, leaseMs, since, sinceEpoch = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local same = since == g
local change = same and ARGV[8] ~= '' and redis.call('LINDEX', CHANGES, e - sinceEpoch)
if same and (sinceEpoch > e or (change and change ~= ARGV[8])) then
  -- It serves from memory until its own lease ends: no move goes on behind its back meanwhile.
  if gateway ~= '' then
    redis.call('HSET', LEASES, gateway, table.concat({ '0', int(clockMs() + tonumber(leaseMs)), label }, '\\t'))
  end
  return { 'regressed' }
end
local stood = 0
if gateway ~= '' then
  local old = redis.call('HGET', LEASES, gateway)
  if not old then unexpired() elseif tonumber(split(old)[2]) > clockMs() then stood = 1 end
  local lease = { same and seen or '0', int(clockMs() + tonumber(leaseMs)), label }
  redis.call('HSET', LEASES, gateway, table.concat(lease, '\\t'))
end
local changes = false
if same then
  local missed = e - sinceEpoch
  if missed == 0 then
    changes = {}
  elseif missed <= redis.call('LLEN', CHANGES) then
    changes = redis.call('LRANGE', CHANGES, 0, missed - 1)
  end
end
local moving = {}
for _, hash in ipairs(redis.call('SMEMBERS', MOVING)) do
  moving[#moving + 1] = hash
  moving[#moving + 1] = redis.call('HGET', ACCOUNTS, hash)
end
return { 'found', g, int(e), changes, redis.call('SMEMBERS', DRAINED), moving, redis.call('HLEN', LEASES), stood, redis.call('LINDEX', CHANGES, 0) }
`;

const GATEWAYS = `${NEEDS_MARK}
return { 'found', unexpired() }
`;

const COUNT = `${NEEDS_MARK}
local others = 0
for _, field in ipairs({ 'g', 'e', 'h', 'n' }) do others = others + redis.call('HEXISTS', ACCOUNTS, field) end
return { 'found', redis.call('HLEN', ACCOUNTS) - others }
`;

/** ARGV: overwrite, actor, hash, facts, older hashes. */
const PUT = `${CHANGES_ACCOUNTS}
local overwrite, actor, hash, facts = ARGV[2] == '1', ARGV[3], ARGV[4], ARGV[5]
local row = split('0\\t' .. facts)
local current = get(hash)
local known, moving, older = current, current and current[6], {}
for i = 6, #ARGV do
  local other = get(ARGV[i])
  if other then
    older[#older + 1] = ARGV[i]
    known = known or other
    moving = moving or other[6]
  end
end
if moving then return { 'moving' } end
if known and known[4] ~= row[4] and not overwrite then return { 'region' } end
if known and #older == 0 and table.concat(known, '\\t', 2) == facts then return { 'same' } end
for _, other in ipairs(older) do redis.call('HDEL', ACCOUNTS, other) end
local detail = row[4]
if known and known[4] ~= row[4] then detail = known[4] .. ' -> ' .. row[4] end
-- Gateways may remember it by the hash that it has no longer: then they are to forget all.
raise(known and 'account_changed' or 'account_added', #older == 0 and hash, actor, detail)
put(hash, row)
return { known and 'changed' or 'added' }
`;

/** ARGV: actor, hashes. */
const REMOVE = `${CHANGES_ACCOUNTS}
local first, region, present = nil, nil, {}
for i = 3, #ARGV do
  local account = get(ARGV[i])
  if account then
    if account[6] then return { 'moving' } end
    first, region = first or ARGV[i], region or account[4]
    present[#present + 1] = ARGV[i]
  end
end
if not first then return { 'missing' } end
for _, hash in ipairs(present) do redis.call('HDEL', ACCOUNTS, hash) end
raise('account_removed', first, ARGV[2], region)
return { 'removed' }
`;

/** ARGV: actor, to, keepOld, hash; where it may be unknown: its hash, its facts, older hashes. */
const BEGIN = `${CHANGES_ACCOUNTS}
local actor, to, keep, hash = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local account = get(hash)
for i = 8, #ARGV do
  if not account then
    account = get(ARGV[i])
    if account then hash = ARGV[i] end
  end
end
if not account and ARGV[6] then
  hash, account = ARGV[6], split('0\\t' .. ARGV[7])
  if account[4] == to then return { 'there', hash, table.concat(account, '\\t') } end
end
if not account then return { 'missing' } end
if account[6] then
  return answer((account[7] == to and account[9] == keep) and 'joined' or 'other', hash)
end
if account[4] == to then return answer('there', hash) end
raise('move_begun', hash, actor, account[4] .. ' -> ' .. to)
account[6], account[7], account[8], account[9], account[10] = account[4], to, 'frozen', keep, int(clockMs())
put(hash, account)
return answer('begun', hash)
`;

/** ARGV: actor, hash. */
const ADVANCE = `${CHANGES_ACCOUNTS}
-- By bytes: the engine's own order of strings is that of its locale.
local function isBefore(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a < b end
  end
  return #one < #other
end
local actor, hash = ARGV[2], ARGV[3]
local account = get(hash)
if not (account and account[6]) then return { 'none' } end
local late = {}
for _, lease in ipairs(unexpired()) do
  -- Each step writes the entry, so its epoch is that of the last step.
  if tonumber(lease[3]) < tonumber(account[1]) then late[#late + 1] = lease end
end
if #late > 0 then return { 'waiting', hash, redis.call('HGET', ACCOUNTS, hash), late } end
local from, to, phase, keep = account[6], account[7], account[8], account[9]
if phase == 'cutover' then
  raise('move_finished', hash, actor, from .. ' -> ' .. to)
  put(hash, { '', account[2], account[3], account[4], account[5] })
  return answer('finished', hash)
end
local also = {}
for region in string.gmatch(account[5], '[^ ]+') do
  if region ~= to and region ~= from then also[#also + 1] = region end
end
if keep == '1' then also[#also + 1] = from end
table.sort(also, isBefore)
raise('move_cut_over', hash, actor, from .. ' -> ' .. to)
account[4], account[5], account[8] = to, table.concat(also, ' '), 'cutover'
put(hash, account)
return answer('cutover', hash)
`;

/** ARGV: actor, hash. */
const ABORT = `${CHANGES_ACCOUNTS}
local actor, hash = ARGV[2], ARGV[3]
local account = get(hash)
if not (account and account[6]) then return { 'none' } end
if account[8] == 'cutover' then return { 'too_late' } end
raise('move_aborted', hash, actor, account[6] .. ' -> ' .. account[7])
put(hash, { '', account[2], account[3], account[4], account[5] })
return { 'aborted' }
`;

/** ARGV: actor, region, drained. */
const DRAIN = `${CHANGES_ACCOUNTS}
local drained = ARGV[4] == '1'
if redis.call(drained and 'SADD' or 'SREM', DRAINED, ARGV[3]) == 0 then return { 'no' } end
raise(drained and 'region_drained' or 'region_undrained', nil, ARGV[2], ARGV[3])
return { 'yes' }
`;

/** ARGV: before or nothing, limit. The list begins with the change of the present epoch, and has one for each. */
const LIST_CHANGES = `${NEEDS_MARK}
local skip = math.max(0, e + 1 - (tonumber(ARGV[2]) or e + 1))
return { 'found', redis.call('LRANGE', CHANGES, skip, skip + tonumber(ARGV[3]) - 1) }
`;

/** ARGV: token, for how long. Answers the mark. */
const HOLD = `${NEEDS_MARK}
if isHeld(ARGV[2]) then return { 'held' } end
redis.call('HSET', ACCOUNTS, 'h', ARGV[2] .. '\\t' .. int(clockMs() + tonumber(ARGV[3])))
return { 'found', g, int(e) }
`;

/** ARGV: token. */
const RELEASE = `${COMMON}
if hold and split(hold)[1] == ARGV[2] then redis.call('HDEL', ACCOUNTS, 'h') end
return { 'found' }
`;

const HELD_BY_ME = `${NEEDS_MARK}
local token, epoch, actor, detail = ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if not hold or split(hold)[1] ~= token or e ~= epoch then return { 'held' } end
`;

/** ARGV: token, epoch, actor, detail, how many older hashes, these, then hash and facts in turn. */
const APPLY = `${HELD_BY_ME}
local older = tonumber(ARGV[6])
for i = 7, 6 + older do redis.call('HDEL', ACCOUNTS, ARGV[i]) end
raise('accounts_imported', nil, actor, detail)
local fields = {}
for i = 7 + older, #ARGV, 2 do
  fields[#fields + 1] = ARGV[i]
  fields[#fields + 1] = int(e) .. '\\t' .. ARGV[i + 1]
  if #fields == 2000 or i + 1 == #ARGV then
    redis.call('HSET', ACCOUNTS, unpack(fields))
    fields = {}
  end
end
redis.call('HDEL', ACCOUNTS, 'h')
return { 'found' }
`;

/**
 * KEYS[6], KEYS[7]: accounts as they are to be, a name for the old ones. ARGV: token, epoch, actor, detail, how many
 * accounts there are to be. However many these are, it takes no time.
 */
const SWAP = `${HELD_BY_ME}
if redis.call('HLEN', KEYS[6]) ~= tonumber(ARGV[6]) then return { 'held' } end
redis.call('PERSIST', KEYS[6])
redis.call('HSET', KEYS[6], 'g', g, 'e', int(e))
redis.call('RENAME', ACCOUNTS, KEYS[7])
redis.call('RENAME', KEYS[6], ACCOUNTS)
redis.call('UNLINK', KEYS[7])
raise('accounts_imported', nil, actor, detail)
return { 'found' }
`;

export const directoryScripts = {
  prepare: createScript(PREPARE),
  init: createScript(INIT),
  follow: createScript(FOLLOW),
  gateways: createScript(GATEWAYS),
  count: createScript(COUNT),
  put: createScript(PUT),
  remove: createScript(REMOVE),
  begin: createScript(BEGIN),
  advance: createScript(ADVANCE),
  abort: createScript(ABORT),
  drain: createScript(DRAIN),
  changes: createScript(LIST_CHANGES),
  hold: createScript(HOLD),
  release: createScript(RELEASE),
  apply: createScript(APPLY),
  swap: createScript(SWAP),
} as const;
