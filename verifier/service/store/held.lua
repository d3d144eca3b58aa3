#!lua name=kapok_held

-- What is kept of credentials (docs/store-verifier.md). Of a person: rows of 12 octets, at most five
-- to a field, since Redis packs no hash with a value of more than 64 octets. Field of the n-th five:
-- the person within the bucket + 128 n. A change writes all again and leaves out what has expired.

local ROW = 12
local ROWS = 5
local PERSONS = 128 -- of a bucket
local MOST_FIELDS = 4

local function read(key, person)
  local parts = {}
  for number = 0, MOST_FIELDS - 1 do
    local part = redis.call('HGET', key, person + PERSONS * number)
    if not part then
      break
    end
    parts[#parts + 1] = part
  end
  return table.concat(parts), #parts
end

local function index_of(row)
  return (struct.unpack('>I4', row))
end

local function expired(row, hour)
  local high, low = struct.unpack('>BI2', row, 5)
  return high * 16384 + math.floor(low / 4) <= hour
end

local function write(key, person, rows, fields)
  local number = 0
  for first = 1, #rows, ROWS do
    local part = table.concat(rows, '', first, math.min(first + ROWS - 1, #rows))
    redis.call('HSET', key, person + PERSONS * number, part)
    number = number + 1
  end
  for surplus = number, fields - 1 do
    redis.call('HDEL', key, person + PERSONS * surplus)
  end
end

-- keys: bucket; args: person within it, present hour, most rows, row; returns 1 when it is kept,
-- also from before, 0 when the person holds as many already
local function hold(keys, args)
  local person, hour, row = tonumber(args[1]), tonumber(args[2]), args[4]
  local held, fields = read(keys[1], person)
  local rows = {}
  for at = 1, #held, ROW do
    local one = string.sub(held, at, at + ROW - 1)
    if index_of(one) == index_of(row) then
      return 1
    end
    if not expired(one, hour) then
      rows[#rows + 1] = one
    end
  end
  if #rows >= tonumber(args[3]) then
    return 0
  end
  rows[#rows + 1] = row
  write(keys[1], person, rows, fields)
  return 1
end

-- keys: bucket; args: person within it; returns all rows
local function held(keys, args)
  return (read(keys[1], tonumber(args[1])))
end

-- keys: bucket; args: person within it, present hour, credential indices...; drops them
local function release(keys, args)
  local person, hour = tonumber(args[1]), tonumber(args[2])
  local gone = {}
  for place = 3, #args do
    gone[tonumber(args[place])] = true
  end
  local held, fields = read(keys[1], person)
  local rows = {}
  for at = 1, #held, ROW do
    local one = string.sub(held, at, at + ROW - 1)
    if not gone[index_of(one)] and not expired(one, hour) then
      rows[#rows + 1] = one
    end
  end
  write(keys[1], person, rows, fields)
  return 1
end

-- keys: family; args: mark of the phone, person, credential, Unix seconds of expiry, of now, most
-- persons a phone; returns 1 when it is noted, 0 when the phone carries the codes of as many others
local function carry(keys, args)
  local rows = redis.call('HGETALL', keys[1])
  local field, now = args[1] .. ':' .. args[2], tonumber(args[5])
  local others, last = 0, tonumber(args[4])
  for place = 1, #rows, 2 do
    local expires = tonumber(string.match(rows[place + 1], ':(%d+)$'))
    if expires <= now then
      redis.call('HDEL', keys[1], rows[place])
    elseif rows[place] ~= field then
      last = math.max(last, expires)
      if string.sub(rows[place], 1, #args[1]) == args[1] then
        others = others + 1
      end
    end
  end
  if others >= tonumber(args[6]) then
    return 0
  end
  redis.call('HSET', keys[1], field, args[3] .. ':' .. args[4])
  redis.call('EXPIREAT', keys[1], last)
  return 1
end

-- keys: a bucket of persons; args: field, index that stands there, of somebody who was erased, index
-- that shall; returns the index that stands now
local function take_over(keys, args)
  if redis.call('HGET', keys[1], args[1]) == args[2] then
    redis.call('HSET', keys[1], args[1], args[3])
  end
  return redis.call('HGET', keys[1], args[1])
end

redis.register_function('kapok_take_over', take_over)
redis.register_function('kapok_hold', hold)
redis.register_function('kapok_release', release)
redis.register_function('kapok_carry', carry)
redis.register_function{ function_name = 'kapok_held', callback = held, flags = { 'no-writes' } }
