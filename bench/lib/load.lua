-- What wrk sends: each request with a key and an account of its own turn. Told by the environment (lib/load.ts).
local env = os.getenv
local method, before, after = env("BENCH_METHOD"), env("BENCH_BEFORE"), env("BENCH_AFTER")
local prefix, closing = env("BENCH_PREFIX"), env("BENCH_CLOSE") == "1"
local body
local keys, headers = {}, {}
local n = 0

function init()
  local file = io.open(env("BENCH_BODY"), "rb")
  body = file:read("*a")
  file:close()
  if body == "" then body = nil end
  if env("BENCH_KEYS") ~= "" then
    for line in io.lines(env("BENCH_KEYS")) do keys[#keys + 1] = line end
  end
  local function add(authorization)
    local one = { ["Authorization"] = authorization }
    if body then one["Content-Type"] = "application/x-www-form-urlencoded" end
    if closing then one["Connection"] = "close" end
    one["Host"] = wrk.headers["Host"]
    headers[#headers + 1] = one
  end
  for one in string.gmatch(env("BENCH_AUTHORIZATIONS"), "[^,]+") do add(one) end
  if #headers == 0 then add(nil) end
end

function request()
  local key = ""
  if #keys > 0 then
    key = keys[n % #keys + 1]
  elseif prefix ~= "" then
    key = string.format("%s%010d", prefix, n)
  end
  local head = headers[n % #headers + 1]
  n = n + 1
  return wrk.format(method, before .. key .. after, head, body)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Us":%d,"p99Us":%d}',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
