#!lua name=kapok_load

-- Filling a list in bulk (docs/store-verifier.md, docs/city.md). What is there already stays: a load
-- only fills what is empty, so that whoever was issued to in the meantime keeps index and colour.

-- A plane's octets with `given` where `held` has no value yet; values of `bits` bits.
local function filled(held, given, bits)
  local mask, out = bit.lshift(1, bits) - 1, {}
  for at = 1, #given do
    local old, new = string.byte(held, at), string.byte(given, at)
    if old ~= 0 then
      for shift = 0, 7, bits do
        local place = bit.lshift(mask, shift)
        if bit.band(old, place) == 0 then
          old = bit.bor(old, bit.band(new, place))
        end
      end
      new = old
    end
    out[at] = string.char(new)
  end
  return table.concat(out)
end

-- keys: planes, plane, stream of changes, marker; args: name, first octet, octets, marker expected
-- ('' none), marker after it, why, nonce, seal. Returns 1, 0 when the marker is another,
-- 'u' for an unknown plane, 'i' for octets outside it; nothing is changed but with 1.
local function load_plane(keys, args)
  if (redis.call('GET', keys[4]) or '') ~= args[4] then
    return 0
  end
  local bits = string.match(redis.call('HGET', keys[1], args[1]) or '', '^(%d+):')
  local first, given = tonumber(args[2]), args[3]
  local length = redis.call('STRLEN', keys[2])
  if not bits or length == 0 then
    return 'u'
  elseif first + #given > length then
    return 'i'
  end
  local held = redis.call('GETRANGE', keys[2], first, first + #given - 1)
  if held ~= string.rep('\0', #given) then
    given = filled(held, given, tonumber(bits))
  end
  redis.call('SETRANGE', keys[2], first, given)
  -- The publisher reads the whole plane: what is new where nothing stood.
  redis.call('XADD', keys[3], '*', 'all', '1', 'w', args[6], 'n', args[7], 's', args[8])
  redis.call('SET', keys[4], args[5])
  return 1
end

-- keys: a bucket of persons; args: field and value of each; returns how many were there already
-- with another value
local function load_persons(keys, args)
  if redis.call('EXISTS', keys[1]) == 0 then
    redis.call('HSET', keys[1], unpack(args))
    return 0
  end
  local others = 0
  for at = 1, #args, 2 do
    if redis.call('HSETNX', keys[1], args[at], args[at + 1]) == 0
      and redis.call('HGET', keys[1], args[at]) ~= args[at + 1] then
      others = others + 1
    end
  end
  return others
end

redis.register_function('kapok_load_plane', load_plane)
redis.register_function('kapok_load_persons', load_persons)
