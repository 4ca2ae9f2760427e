-- wrk's script: make the requests of one kind of work, and check every response.
--
-- Arguments: the work; a file with the items' ids, a line each; the ETag of an
-- unchanged item; the first item that may be changed, and the number of these; the seconds at the
-- start that aren't counted; requests per second, 0 for as many as possible; a token, or nothing.
--
-- The first READS items are only read. wrk doesn't say which request a response belongs to, so
-- a response is identified by its content.

local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } moment; int clock_gettime(int, moment *);")

local READS = 1000
local JSON = { ["Content-Type"] = "application/json" }
local moment = ffi.new("moment")

-- Read by done() and so global. wrk asks for one request beforehand, which it never sends.
sent, answered, wrong, example = -1, 0, 0, ""
counted, from, to = -1, 0, 0

local read_only, is_read_only, queue, version_of = {}, {}, {}, {}
local head, tail = 1, 0
local original, warm, begun, over = "", 0, nil, false

local function clock()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.s) + tonumber(moment.ns) / 1e9
end

local function enqueue(id, etag, version)
  tail = tail + 1
  queue[tail] = { id, etag }
  version_of[id] = version
end

local function dequeue()
  local item = queue[head]
  if item then
    queue[head] = nil
    head = head + 1
  end
  return item
end

local function at(headers, name)
  return headers[name] or headers[name:lower()]
end

local function item_in(body)
  return body:match('"id": ?"([%x-]+)"'), tonumber(body:match('"version": ?(%d+)'))
end

local function count(body, text)
  local found, position = 0, body:find(text, 1, true)
  while position do
    found = found + 1
    position = body:find(text, position + 1, true)
  end
  return found
end

-- wrk needs a request even so; its answer isn't looked at.
local function finish()
  over = true
  wrk.thread:stop()
  return wrk.format("GET", "/api/health")
end

local function id_to_read()
  return read_only[sent % READS + 1]
end

local requests, right = {}, {}

function requests.create()
  local body = string.format(
    '{"name": "Oak table %d", "description": "The oak table from the kitchen.", '
      .. '"status": "doing", "quantity": %d, "tags": ["home", "oak"]}', sent, sent % 100)
  return wrk.format("POST", "/api/items", JSON, body)
end

function right.create(status, headers, body)
  local id, version = item_in(body)
  return status == 201 and id and version == 1 and not version_of[id] and not is_read_only[id]
    and body:find('"Oak table ', 1, true) and at(headers, "Location") and at(headers, "ETag")
end

function requests.get()
  return wrk.format("GET", "/api/items/" .. id_to_read())
end

function right.get(status, headers, body)
  local id, version = item_in(body)
  return status == 200 and version == 1 and is_read_only[id]
    and body:find('"name":', 1, true) and at(headers, "ETag") == original
end

requests["get, 304"] = function()
  return wrk.format("GET", "/api/items/" .. id_to_read(), { ["If-None-Match"] = original })
end

right["get, 304"] = function(status, _, body)
  return status == 304 and body == ""
end

function requests.list()
  return wrk.format("GET", "/api/items?limit=50")
end

function right.list(status, _, body)
  return status == 200 and count(body, '"id":') == 50 and body:find('"next_cursor":', 1, true)
end

function requests.update()
  local item = dequeue()
  if not item then
    assert(wrong > 0, "there are more connections than items to change")
    return finish()
  end
  local headers = { ["Content-Type"] = "application/json", ["If-Match"] = item[2] }
  -- More than any item has had so far: an ORM writes nothing, and counts no version, where all stays.
  local body = string.format('{"status": "done", "quantity": %d}', 1000 + sent)
  return wrk.format("PATCH", "/api/items/" .. item[1], headers, body)
end

function right.update(status, headers, body)
  local id, version = item_in(body)
  local etag = at(headers, "ETag")
  if status ~= 200 or not etag or not version_of[id] or version ~= version_of[id] + 1 then
    return false
  end
  enqueue(id, etag, version)
  return body:find('"done"', 1, true)
end

function requests.delete()
  local item = dequeue()
  if not item then
    return finish()
  end
  return wrk.format("DELETE", "/api/items/" .. item[1], { ["If-Match"] = item[2] })
end

function right.delete(status, _, body)
  return status == 204 and body == ""
end

-- Eight of ten read.
local MIX = {
  "get", "list", "get", "create", "get", "get, 304", "get", "list", "update", "get, 304",
}

function requests.mix()
  return requests[MIX[sent % #MIX + 1]]()
end

function right.mix(status, headers, body)
  if status == 201 then
    return right.create(status, headers, body)
  elseif status == 304 then
    return right["get, 304"](status, headers, body)
  elseif body:find('"next_cursor":', 1, true) then
    return right.list(status, headers, body)
  end
  local kind = is_read_only[item_in(body)] and "get" or "update"
  return right[kind](status, headers, body)
end

function requests.health()
  return wrk.format("GET", "/api/health")
end

function right.health(status, _, body)
  return status == 200 and body:find('"status": ?"ok"') and body:find('"timestamp":', 1, true)
end

function requests.wait()
  return wrk.format("GET", "/wait")
end

function right.wait(status, _, body)
  return status == 200 and #body > 0
end

-- Requests at random moments (Poisson), independent of the previous responses.
local function at_rate(rate)
  local due
  return function()
    due = (due or clock()) - math.log(1 - math.random()) / rate
    return math.max(0, (due - clock()) * 1000)
  end
end

function init(args)
  local work, path, etag, first, number = args[1], args[2], args[3], args[4] + 0, args[5] + 0
  original, warm = etag, tonumber(args[6])
  if tonumber(args[7]) > 0 then
    delay = at_rate(tonumber(args[7]))
  end
  if args[8] ~= "" then
    wrk.headers["Authorization"] = "Bearer " .. args[8]
  end
  local line = 0
  for id in io.lines(path) do
    line = line + 1
    if line <= READS then
      read_only[line] = id
      is_read_only[id] = true
    elseif line > first and line <= first + number then
      enqueue(id, etag, 1)
    end
  end
  local make, is_right = requests[work], right[work]

  function request()
    sent = sent + 1
    return make()
  end

  function response(status, headers, body)
    if over then
      return
    end
    local now = clock()
    begun = begun or now
    answered = answered + 1
    if not is_right(status, headers, body) then
      wrong = wrong + 1
      example = wrong == 1 and status .. " " .. body:sub(1, 300) or example
    end
    if now - begun >= warm then
      counted = counted + 1
      from = counted == 0 and now or from
      to = now
    end
  end
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function done(summary, latency)
  local thread, errors = threads[1], summary.errors
  local function value(name)
    return thread:get(name)
  end
  io.write(string.format(
    "\n@ counted=%d seconds=%.6f sent=%d answered=%d wrong=%d failed=%d p50=%.0f p99=%.0f\n@ %s\n",
    value("counted"), value("to") - value("from"), value("sent"), value("answered"),
    value("wrong"), errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), value("example")))
end
