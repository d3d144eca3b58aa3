#!lua name=kapok_status

-- What happens to planes in the store, each as one step (docs/store-verifier.md). All keys share the
-- hash tag {status}. Changes come packed: 4 octets index (big-endian), 1 octet value, ascending by
-- index, each index once. Plane bytes are packed least significant bits first, while BITFIELD counts
-- from the most significant bit of each octet: `place` turns one into the other.

local RECORD = 5
local CHUNK = 1000 -- changes a BITFIELD: Lua hands at most 8,000 arguments to one command
local MOST_WAITING = 2000000 -- changes that wait to be published, 10 MB
local MOST_ENTRIES = 16384 -- and the calls that made them
local MOST_ORIGINS = 255 -- an octet a person; the last one stands for all that came after it

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

-- Whether as much waits to be published as may: then nothing is changed until some of it is.
local function crowded(stream, more)
  local last = count_at(stream, 'XREVRANGE', '+', '-')
  local waiting = last + more - count_at(stream, 'XRANGE', '-', '+')
  return waiting > MOST_WAITING or redis.call('XLEN', stream) >= MOST_ENTRIES
end

-- Appends to what the publisher has not read yet: the records that changed, why, and what was asked
-- (left out where all of it changed), under the seal of whoever asked.
local function announce(stream, records, cause, asked, seal)
  local changed = table.concat(records)
  local total = count_at(stream, 'XREVRANGE', '+', '-') + #records
  redis.call('XADD', stream, '*', 'c', changed, 't', total, 'w', cause.why, 'n', cause.nonce,
    's', seal, 'g', asked == changed and '' or asked)
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

-- The number of an origin, which stands beside each value of a person: 0 is none.
local function origin_number(names, origin)
  if origin == '' then
    return 0
  end
  local found = redis.call('HGET', names, origin)
  if not found then
    found = math.min(redis.call('HLEN', names) + 1, MOST_ORIGINS)
    if found < MOST_ORIGINS then
      redis.call('HSET', names, origin, found)
    end
  end
  return tonumber(found)
end

local function note_origins(key, records, number)
  for first = 1, #records, CHUNK do
    local given = {}
    for at = first, math.min(first + CHUNK - 1, #records) do
      given[#given + 1] = 'SET'
      given[#given + 1] = 'u8'
      given[#given + 1] = 8 * struct.unpack('>I4', records[at])
      given[#given + 1] = number
    end
    redis.call('BITFIELD', key, unpack(given))
  end
end

-- Returns the records of `packed` but those of persons whose value two people hold; what a feed
-- says of these meanwhile is kept beside: the value (1 octet) and why.
local function not_held(holds, said, packed, cause)
  if #packed == 0 or redis.call('EXISTS', holds) == 0 then
    return packed
  end
  local found = {}
  for first = 1, #packed, CHUNK * RECORD do
    local asked, records = {}, {}
    for at = first, math.min(first + CHUNK * RECORD, #packed + 1) - 1, RECORD do
      records[#records + 1] = string.sub(packed, at, at + RECORD - 1)
      asked[#asked + 1] = (struct.unpack('>I4', packed, at))
    end
    local held = redis.call('HMGET', holds, unpack(asked))
    for number, record in ipairs(records) do
      if not held[number] then
        found[#found + 1] = record
      elseif cause.mode == 'f' then
        redis.call('HSET', said, asked[number], string.sub(record, RECORD) .. cause.why)
      end
    end
  end
  return table.concat(found)
end

local function records_of(packed)
  local records = {}
  for at = 1, #packed, RECORD do
    records[#records + 1] = string.sub(packed, at, at + RECORD - 1)
  end
  return records
end

-- Two people decide: their hold takes the place of an earlier one, or there is none from now on.
-- An erasure ends every hold; what a feed said meanwhile is forgotten in both cases.
local function decide(keys, at, name, packed, cause)
  for _, record in ipairs(records_of(packed)) do
    local index = struct.unpack('>I4', record)
    redis.call('HDEL', keys[at + 4], index)
    redis.call('ZREM', keys[4], name .. ':' .. index)
    if cause.hold == '' then
      redis.call('HDEL', keys[at + 3], index)
    else
      redis.call('HSET', keys[at + 3], index, cause.hold)
      if cause.ends ~= '0' then
        redis.call('ZADD', keys[4], cause.ends, name .. ':' .. index)
      end
    end
  end
end

-- keys: planes, marker ('' names none: then planes again), names of origins, ends of holds, then of
-- each plane: plane, stream of changes, who was erased (the plane again: its indices are no
-- persons'), holds, what feeds say of the held, origins; args: marker asked ('n' none, 'a' absent,
-- 'v' of this value), value expected, new value, why, origin ('' none), mode ('f' a feed: what is
-- held stays, and its value is remembered; 'i' others: what is held stays; 'p' two people, 'e' an
-- erasure: a hold is set or ended; 's' what was signed is put back), nonce, the hold ('' none), Unix
-- seconds of its end (0 none), then name, packed changes, packed values that must be there, and seal
-- of each plane. Returns 1, 0 when the marker or one of those values is another, 'u' for an unknown
-- plane, 'i' for an index outside its plane, 'b' when too much waits to be published; nothing is
-- changed but with 1. A value for who was erased is left out; where values are expected that is 0
-- too.
local function change(keys, args)
  local asked = args[1]
  local cause = { why = args[4], origin = args[5], mode = args[6], nonce = args[7],
    hold = args[8], ends = args[9] }
  if asked ~= 'n' then
    local held = redis.call('GET', keys[2])
    if (asked == 'a' and held) or (asked == 'v' and held ~= args[2]) then
      return 0
    end
  end
  local widths, given, count = {}, {}, (#keys - 4) / 6
  for number = 1, count do
    local first = 6 + 4 * number
    local name, packed, held = args[first], args[first + 1], args[first + 2]
    local at = 6 * number - 1
    local plane, erased = keys[at], keys[at + 2]
    local bits, size = described(keys[1], name)
    if not bits or redis.call('EXISTS', plane) == 0 then
      return 'u'
    end
    if #packed > 0 and struct.unpack('>I4', packed, #packed - RECORD + 1) >= size then
      return 'i'
    end
    if #packed > 0 and crowded(keys[at + 1], #packed / RECORD) then
      return 'b'
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
    local first, at = 6 + 4 * number, 6 * number - 1
    local plane, stream = keys[at], keys[at + 1]
    local of_persons = keys[at + 2] ~= plane
    local packed = given[number]
    if of_persons and (cause.mode == 'f' or cause.mode == 'i') then
      packed = not_held(keys[at + 3], keys[at + 4], packed, cause)
    end
    local records = differing(plane, bits, packed)
    if #records > 0 then
      write(plane, bits, records)
      announce(stream, records, cause, args[first + 1], args[first + 3])
    end
    if of_persons and cause.mode ~= 's' then
      local decided = cause.mode == 'p' or cause.mode == 'e'
      local noted = decided and records_of(packed) or records
      if #noted > 0 then
        note_origins(keys[at + 5], noted, origin_number(keys[3], cause.origin))
      end
      if decided then
        decide(keys, at, args[first], packed, cause)
      end
    end
  end
  if asked ~= 'n' then
    redis.call('SET', keys[2], args[3])
  end
  return 1
end

-- keys: ends of holds, holds, what feeds say of the held, plane, stream of changes, who was erased,
-- names of origins, origins, planes; args: name, index, hold as it was read, what a feed says as it
-- was read ('' nothing), why, nonce, seal, record that comes into force ('' none), its origin. The
-- term of a hold is over: it goes, and what a feed said meanwhile comes into force. Returns 1, or 0
-- where another hold or value stands there by now.
local function end_hold(keys, args)
  local name, index = args[1], args[2]
  local hold = redis.call('HGET', keys[2], index)
  local said = redis.call('HGET', keys[3], index) or ''
  if hold ~= args[3] or said ~= args[4] then
    if not hold then
      redis.call('ZREM', keys[1], name .. ':' .. index)
    end
    return 0
  end
  redis.call('HDEL', keys[2], index)
  redis.call('HDEL', keys[3], index)
  redis.call('ZREM', keys[1], name .. ':' .. index)
  local bits = described(keys[9], name)
  if args[8] ~= '' and bits and redis.call('EXISTS', keys[4]) == 1 then
    local records = differing(keys[4], bits, of_living(keys[6], args[8]))
    if #records > 0 then
      write(keys[4], bits, records)
      announce(keys[5], records, { why = args[5], nonce = args[6] }, args[8], args[7])
    end
    note_origins(keys[8], records_of(args[8]), origin_number(keys[7], args[9]))
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
redis.register_function('kapok_end_hold', end_hold)
redis.register_function('kapok_publish', publish)
redis.register_function('kapok_start_over', start_over)
