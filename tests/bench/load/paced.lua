-- Requests at a fixed rate whoever answers how fast, each with an id like no other.
-- Arguments: first part of the ids, body bytes, requests of each thread, a second of each thread
-- (0: as fast as they are answered), seconds after which no more are made.
-- A request that is late is sent at once, so that the rate holds over a stall. When all are sent
-- every connection waits, so that none is cut off in the middle of an exchange.
local ffi = require("ffi")
ffi.cdef [[
  struct bench_time { long s, ns; };
  int clock_gettime(int clock, struct bench_time *time);
]]
local MONOTONIC, NEVER = 1, 3600000
local HEADERS = table.concat({
  " HTTP/1.1",
  "Host: shop.example",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9",
  "Accept-Language: en-US,en;q=0.5",
  "Accept-Encoding: gzip, deflate",
  "Referer: http://shop.example/search?q=lamps",
  "Cookie: session=7f3c2a9041fe4d0e9d2b0d7f0f0a1b2c",
  "\r\n",
}, "\r\n")

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  local prefix, body = arguments[1], arguments[2]
  limit, gap = tonumber(arguments[3]), tonumber(arguments[4])
  gap = gap > 0 and 1000 / gap or 0
  patience = tonumber(arguments[5]) * 1000
  path = string.format("GET /b%s/%s-%d-", body, prefix, number)
  planned, made = 0, 0
end

local time = ffi.new("struct bench_time")
local function now() -- in milliseconds
  ffi.C.clock_gettime(MONOTONIC, time)
  return tonumber(time.s) * 1000 + tonumber(time.ns) / 1000000
end

-- Called before each request; in milliseconds.
function delay()
  local at = now()
  begin = begin or at
  if planned >= limit or at - begin > patience then
    return NEVER
  end
  local due = begin + planned * gap
  planned = planned + 1
  return due > at and due - at or 0
end

-- wrk calls it once more than it sends, to see what comes of it.
function request()
  made = made + 1
  last = now()
  return path .. made .. HEADERS
end

-- Called once, in a state of its own.
function done(summary, latency, requests)
  local total, from, to = 0, math.huge, 0
  for _, thread in ipairs(threads) do
    total = total + thread:get("planned")
    from = math.min(from, thread:get("begin") or math.huge)
    to = math.max(to, thread:get("last") or 0)
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"sent": %d, "answered": %d, "seconds": %.4f, "failed": %d, "p50_us": %d, "p99_us": %d}\n',
    total, summary.requests, math.max(to - from, 1) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)
  ))
end
