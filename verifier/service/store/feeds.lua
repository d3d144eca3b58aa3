#!lua name=kapok_feeds

-- What sources have observed, and when; cases of correction. Each function is one step
-- (docs/store-verifier.md); all keys of a call share one hash tag.

local WIDTH = 2 -- octets a person: units after the beginning of the day before, plus one; 0: nothing

local function units(key, at)
  local held = redis.call('GETRANGE', key, at, at + WIDTH - 1)
  if #held < WIDTH then
    return 0
  end
  return struct.unpack('>I2', held)
end

-- keys: of each block of persons its string of today and that of yesterday; args: first unit of
-- today's strings, first unit of yesterday's, seconds to live, then a block's records: 2 octets
-- person within the block, 4 octets unit. Returns for each block one letter per record: '1' newer than
-- or as new as what was known, and noted; '0' overtaken.
local function observe(keys, args)
  local today, yesterday, answers = tonumber(args[1]), tonumber(args[2]), {}
  for number = 1, #keys / 2 do
    local new, old, records = keys[2 * number - 1], keys[2 * number], args[3 + number]
    local letters, written = {}, false
    for first = 1, #records, 6 do
      local person, unit = struct.unpack('>I2I4', records, first)
      local at = person * WIDTH
      local held = units(new, at)
      if held > 0 then
        held = held + today
      else
        held = units(old, at)
        held = held > 0 and held + yesterday or 0
      end
      if unit + 1 < held then
        letters[#letters + 1] = '0'
      else
        if unit + 1 > held then
          redis.call('SETRANGE', new, at, struct.pack('>I2', unit + 1 - today))
          written = true
        end
        letters[#letters + 1] = '1'
      end
    end
    if written then
      redis.call('EXPIRE', new, args[3], 'NX')
    end
    answers[number] = table.concat(letters)
  end
  return answers
end

-- keys: open cases, closed cases; args: id, the case as it was read, the case as it becomes.
-- Returns 1, or 0 when it is no longer open as it was read.
local function close_case(keys, args)
  if redis.call('HGET', keys[1], args[1]) ~= args[2] then
    return 0
  end
  redis.call('HDEL', keys[1], args[1])
  redis.call('HSET', keys[2], args[1], args[3])
  return 1
end

redis.register_function('kapok_observe', observe)
redis.register_function('kapok_close_case', close_case)
