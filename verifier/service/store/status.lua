#!lua name=kapok_status

-- What happens to planes in the store, each as one step (docs/store-verifier.md). All keys share the
-- hash tag {status}. Changes come packed: 4 octets index (big-endian), 1 octet value, ascending by
-- index, each index once. Plane bytes are packed least significant bits first, while BITFIELD counts
-- from the most significant bit of each octet: `place` turns one into the other.

local RECORD = 5
local CHUNK = 1000 -- changes a BITFIELD: Lua hands at most 8,000 arguments to one command
local MOST_WAITING = 2000000 -- changes that wait to be published, 10 MB
local MOST_ENTRIES = 16384 -- and the calls that made them

local function place(index, bits)
  local bit = index * bits
  return bit + 8 - bits - 2 * (bit % 8)
end

local function described(planes, name)
  local found = redis.call('HGET', planes, name)
  local bits, size = string.match(found or '', '^(%d+):(%d+)$')
  return tonumber(bits), tonumber(size)
end

-- Returns the records of `packed` that differ from what is there, as a list.
local function differing(plane, bits, packed)
  local width, found = 'u' .. bits, {}
  for first = 1, #packed, CHUNK * RECORD do
    local asked, values = {}, {}
    for at = first, math.min(first + CHUNK * RECORD, #packed + 1) - 1, RECORD do
      local index, value = struct.unpack('>I4B', packed, at)
      values[#values + 1] = value
      asked[#asked + 1] = 'GET'
      asked[#asked + 1] = width
      asked[#asked + 1] = place(index, bits)
    end
    local held = redis.call('BITFIELD_RO', plane, unpack(asked))
    for number, value in ipairs(values) do
      if held[number] ~= value then
        local at = first + (number - 1) * RECORD
        found[#found + 1] = string.sub(packed, at, at + RECORD - 1)
      end
    end
  end
  return found
end

local function write(plane, bits, records)
  local width = 'u' .. bits
  for first = 1, #records, CHUNK do
    local given = {}
    for number = first, math.min(first + CHUNK - 1, #records) do
      local index, value = struct.unpack('>I4B', records[number])
      given[#given + 1] = 'SET'
      given[#given + 1] = width
      given[#given + 1] = place(index, bits)
      given[#given + 1] = value
    end
    redis.call('BITFIELD', plane, unpack(given))
  end
end

-- Returns the records of `packed` but those that give a value to somebody who was erased.
local function of_living(erased, packed)
  if #packed == 0 or redis.call('EXISTS', erased) == 0 then
    return packed
  end
  local found = {}
  for first = 1, #packed, CHUNK * RECORD do
    local asked, records = {}, {}
    for at = first, math.min(first + CHUNK * RECORD, #packed + 1) - 1, RECORD do
      records[#records + 1] = string.sub(packed, at, at + RECORD - 1)
      asked[#asked + 1] = 'GET'
      asked[#asked + 1] = 'u1'
      asked[#asked + 1] = (struct.unpack('>I4', packed, at))
    end
    local gone = redis.call('BITFIELD_RO', erased, unpack(asked))
    for number, record in ipairs(records) do
      if gone[number] == 0 or string.byte(record, RECORD) == 0 then
        found[#found + 1] = record
      end
    end
  end
  return table.concat(found)
end

-- The running count of changes at one end of a stream.
local function count_at(stream, command, from, to)
  local entry = redis.call(command, stream, from, to, 'COUNT', 1)[1]
  return entry and entry[2][3] == 't' and tonumber(entry[2][4]) or 0
end

-- Appends to what the publisher has not read yet. Past the bound one mark takes the place of all:
-- nothing is lost, since the plane has every value; the publisher then starts the stream over.
local function announce(stream, records)
  local total = count_at(stream, 'XREVRANGE', '+', '-') + #records
  local waiting = total - count_at(stream, 'XRANGE', '-', '+')
  if waiting > MOST_WAITING or redis.call('XLEN', stream) >= MOST_ENTRIES then
    redis.call('XTRIM', stream, 'MAXLEN', 0)
    redis.call('XADD', stream, '*', 'all', '1')
  else
    redis.call('XADD', stream, '*', 'c', table.concat(records), 't', total)
  end
end

-- keys: planes, plane; args: name, bits, size, octets; returns 1 if the plane is there as asked,
-- 0 if it was destroyed, or is of another size
local function make(keys, args)
  local wanted = args[2] .. ':' .. args[3]
  local found = redis.call('HGET', keys[1], args[1])
  if found then
    return found == wanted and 1 or 0
  end
  redis.call('HSET', keys[1], args[1], wanted)
  redis.call('SETRANGE', keys[2], tonumber(args[4]) - 1, '\0')
  return 1
end

-- keys: planes, marker ('' names none: then planes again), then of each plane: plane, stream of
-- changes, and who was erased (the plane again: its indices are no persons'); args: marker asked ('n' none, 'a' absent, 'v' of this value), value expected, new value,
-- then name, packed changes and packed values that must be there of each plane. Returns 1, 0 when
-- the marker or one of those values is another, 'u' for an unknown plane, 'i' for an index outside
-- its plane; nothing is changed but with 1. A value for who was erased is left out; where values are
-- expected that is 0 too.
local function change(keys, args)
  local asked = args[1]
  if asked ~= 'n' then
    local held = redis.call('GET', keys[2])
    if (asked == 'a' and held) or (asked == 'v' and held ~= args[2]) then
      return 0
    end
  end
  local widths, given = {}, {}
  for number = 1, (#keys - 2) / 3 do
    local name, packed, held = args[1 + 3 * number], args[2 + 3 * number], args[3 + 3 * number]
    local plane, erased = keys[3 * number], keys[2 + 3 * number]
    local bits, size = described(keys[1], name)
    if not bits or redis.call('EXISTS', plane) == 0 then
      return 'u'
    end
    if #packed > 0 and struct.unpack('>I4', packed, #packed - RECORD + 1) >= size then
      return 'i'
    end
    given[number] = erased == plane and packed or of_living(erased, packed)
    if #held > 0 then
      if struct.unpack('>I4', held, #held - RECORD + 1) >= size then
        return 'i'
      end
      if #given[number] < #packed or #differing(plane, bits, held) > 0 then
        return 0
      end
    end
    widths[number] = bits
  end
  for number, bits in ipairs(widths) do
    local plane, stream = keys[3 * number], keys[1 + 3 * number]
    local records = differing(plane, bits, given[number])
    if #records > 0 then
      write(plane, bits, records)
      announce(stream, records)
    end
  end
  if asked ~= 'n' then
    redis.call('SET', keys[2], args[3])
  end
  return 1
end

-- Drops the changes up to and with an id: they are published.
local function forget(stream, last)
  if last ~= '' then
    local ms, number = string.match(last, '^(%d+)-(%d+)$')
    redis.call('XTRIM', stream, 'MINID', ms .. '-' .. string.format('%.0f', tonumber(number) + 1))
  end
end

-- Whether a plane is still there, and its head is the one that the publisher leads on from.
local function leads_on(keys, name, head)
  return described(keys[1], name) ~= nil and (redis.call('HGET', keys[2], name) or '') == head
end

-- keys: planes, heads, deltas, changes; args: name, head before ('' none), head after, version,
-- delta, id of the last change in it ('' none), oldest version kept. Returns 1, or 0 where the plane
-- is gone or somebody else has published.
local function publish(keys, args)
  local newest = redis.call('XREVRANGE', keys[3], '+', '-', 'COUNT', 1)[1]
  local taken = newest and tonumber(string.match(newest[1], '^%d+')) >= tonumber(args[4])
  if taken or not leads_on(keys, args[1], args[2]) then
    return 0
  end
  redis.call('XADD', keys[3], args[4] .. '-0', 'd', args[5])
  redis.call('XTRIM', keys[3], 'MINID', args[7] .. '-0')
  redis.call('HSET', keys[2], args[1], args[3])
  forget(keys[4], args[6])
  return 1
end

-- keys: planes, heads, deltas, changes; args: name, head before ('' none), head after, id of the last
-- change in the plane as it was read ('' none). No delta leads to such a head: the past is dropped.
local function start_over(keys, args)
  if not leads_on(keys, args[1], args[2]) then
    return 0
  end
  redis.call('DEL', keys[3])
  redis.call('HSET', keys[2], args[1], args[3])
  forget(keys[4], args[4])
  return 1
end

-- keys: planes, bundles, bundle; args: name, name of the bundle, version, digest, snapshot. Returns
-- 1, or 0 where the plane is gone, or something newer is published: then that stays.
local function lay(keys, args)
  local held = tonumber(string.match(redis.call('HGET', keys[2], args[2]) or '', '^(%d+):') or 0)
  if not described(keys[1], args[1]) or held > tonumber(args[3]) then
    return 0
  end
  redis.call('SET', keys[3], args[5])
  redis.call('HSET', keys[2], args[2], args[3] .. ':' .. args[4])
  return 1
end

redis.register_function('kapok_make_plane', make)
redis.register_function('kapok_lay', lay)
redis.register_function('kapok_change', change)
redis.register_function('kapok_publish', publish)
redis.register_function('kapok_start_over', start_over)
