-- Requests like no other, exactly as many as asked for: then every connection waits, so that none
-- is cut off in the middle of an exchange. Arguments: prefix, requests of each thread.
-- HEAD only where the answer has no length: wrk would wait for a body.
local threads = 0

local kinds = {
  { "GET", "/" },
  { "POST", "/created", string.rep("upload ", 100) },
  { "GET", "/missing" },
  { "HEAD", "/empty" },
  { "DELETE", "/none" },
  { "GET", "/moved" },
  { "GET", "/files/page.html" },
  { "PUT", "/created", "small" },
  { "GET", "/files/absent" },
  { "PATCH", "/files/page.html", "refused" },
  { "GET", "/broken" },
}

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  prefix, limit = args[1], tonumber(args[2])
  started, asked = 0, 0
end

-- Called before each request; in milliseconds.
function delay()
  if started >= limit then
    return 3600000
  end
  started = started + 1
  return 0
end

function request()
  asked = asked + 1
  local kind = kinds[asked % #kinds + 1]
  local id = string.format("%s-%d-%d", prefix, number, asked)
  local headers = { ["X-Request-Id"] = id, ["User-Agent"] = "wrk (" .. id .. ")" }
  if asked % 9 == 0 then
    headers["Connection"] = "close"
  end
  return wrk.format(kind[1], kind[2] .. "?n=" .. asked, headers, kind[3])
end
