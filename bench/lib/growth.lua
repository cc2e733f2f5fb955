-- What wrk sends for growth: request n is that of member (start + n * 7919) mod size, so that requests go round the whole
-- population and next to nobody comes twice in a row. Told by the environment (growth-load.ts).
local env = os.getenv
local STRIDE = 7919
local start, size = tonumber(env("GROWTH_START")), tonumber(env("GROWTH_SIZE"))
local vary, fresh, body = env("GROWTH_VARY"), env("GROWTH_FRESH"), env("GROWTH_BODY")
local path = env("GROWTH_PATH")
local n = 0
local head = { ["Content-Type"] = "application/x-www-form-urlencoded" }
local digits = {}
local before, after

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local function base64(text)
  local out = {}
  for at = 1, #text, 3 do
    local a, b, c = text:byte(at, at + 2)
    local word = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 0, 3 do
      local digit = math.floor(word / 64 ^ (3 - place)) % 64
      out[#out + 1] = place <= (c and 3 or b and 2 or 1) and ALPHABET:sub(digit + 1, digit + 1) or "="
    end
  end
  return table.concat(out)
end

function init()
  head["Host"] = wrk.headers["Host"]
  -- Names are nine digits between parts of whole groups of three bytes: a name's base64 is looked up in parts.
  before, after = "Basic " .. base64("person"), base64("@growth.example:token")
  for at = 0, 999 do digits[at] = base64(string.format("%03d", at)) end
end

function request()
  local member = (start + n * STRIDE) % size
  local key
  if vary == "key" then
    key = string.format("k%030d", member)
  else
    key = string.format("%s%010d", fresh, n)
  end
  if vary == "account" then
    local thousands = math.floor(member / 1000)
    head["Authorization"] = before .. digits[math.floor(thousands / 1000)] .. digits[thousands % 1000]
      .. digits[member % 1000] .. after
  elseif vary == "address" then
    head["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.floor(member / 65536), math.floor(member / 256) % 256,
      member % 256)
  end
  n = n + 1
  return wrk.format("POST", path .. key, head, body)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests":%d,"refused":%d,"broken":%d}',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
