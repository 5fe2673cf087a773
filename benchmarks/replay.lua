-- wrk: sends the requests of the file named in REQUESTS one after the other, each with its length
-- in a line before it, and prints what benchmarks/load.py reads. With ONCE it ends when so many are
-- answered that each connection may have one more under way, and so sends none twice.
local requests, next_one = {}, 0
local once, answered = tonumber(os.getenv("ONCE")), 0

function init(arguments)
  local file = assert(io.open(os.getenv("REQUESTS"), "rb"))
  for length in file:lines() do
    requests[#requests + 1] = file:read(tonumber(length))
  end
  file:close()
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function response()
  answered = answered + 1
  if answered == #requests - once then
    wrk.thread:stop()
  end
end

if not once then
  response = nil -- which wrk would otherwise call for each answer
end

function done(summary, latency, ...)
  local errors, duration = summary.errors, summary.duration
  if once then
    -- wrk counts up to when it was told to end. Connections = rate x time of each (Little's law).
    duration = summary.requests * latency.mean / once
  end
  print(string.format("RESULT %d %d %d %d %f %f", summary.requests, duration,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
