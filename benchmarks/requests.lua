-- wrk sends the requests of a file, one after the other: each is a webhook of its own, signed before.
-- arguments: the file, and how many bytes one request has
local requests, size

function init(arguments)
  requests = assert(io.open(arguments[1], "rb"))
  size = tonumber(arguments[2])
end

function request()
  local next_one = requests:read(size)
  if next_one == nil then -- used up: what follows are repeats, and the count of stored rows shows it
    requests:seek("set", 0)
    next_one = requests:read(size)
  end
  return next_one
end

function done(summary, latency, _)
  local failed = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6, failed.status, failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
