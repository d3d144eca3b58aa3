"""The library of functions inside Redis: leases with fencing, fenced writes, publishing grants."""

from typing import Final

from redis.asyncio import Redis

from runtime.functions import check_functions, versioned

_CODE: Final = """#!lua name=kapok_fleet

local WRITES = {HSET = true, HDEL = true, SET = true, XADD = true}

-- keys: fence, turn, then every key written; args: fence, turn before, turn after, then
-- (count, command, argument...)*. Returns 1; 0 under an old fence; 2: another write came first.
-- A write that was not answered and is computed anew has the same turn before: one of both is done.
local function write(keys, args)
  if redis.call('GET', keys[1]) ~= args[1] then
    return 0
  end
  if (redis.call('GET', keys[2]) or '') ~= args[2] then
    return 2
  end
  redis.call('SET', keys[2], args[3])
  local at = 4
  while at <= #args do
    local count = tonumber(args[at])
    if not WRITES[args[at + 1]] then
      return redis.error_reply('ERR not a write of this library')
    end
    redis.call(unpack(args, at + 1, at + count))
    at = at + count + 1
  end
  return 1
end

-- keys: lease, fence; args: holder, time to live in ms, '1' to take over one's own
local function take(keys, args)
  local holder = redis.call('GET', keys[1])
  if holder and not (args[3] == '1' and holder == args[1]) then
    return 0
  end
  local fence = redis.call('INCR', keys[2])
  redis.call('SET', keys[1], args[1], 'PX', args[2])
  return fence
end

-- keys: lease, fence; args: fence, holder, time to live in ms
local function renew(keys, args)
  if redis.call('GET', keys[2]) ~= args[1] then
    return 0
  end
  redis.call('SET', keys[1], args[2], 'PX', args[3])
  return 1
end

-- keys: lease, fence; args: fence
local function release(keys, args)
  if redis.call('GET', keys[2]) ~= args[1] then
    return 0
  end
  return redis.call('DEL', keys[1])
end

-- keys: version, bytes by terminal, order; args: version before, version after,
-- then (terminal, version, bytes)*
local function publish(keys, args)
  if (redis.call('GET', keys[1]) or '0') ~= args[1] then
    return 0
  end
  for at = 3, #args, 3 do
    redis.call('HSET', keys[2], args[at], args[at + 2])
    redis.call('ZADD', keys[3], args[at + 1], args[at])
  end
  redis.call('SET', keys[1], args[2])
  return 1
end

redis.register_function('kapok_fleet_write', write)
redis.register_function('kapok_fleet_take', take)
redis.register_function('kapok_fleet_renew', renew)
redis.register_function('kapok_fleet_release', release)
redis.register_function('kapok_fleet_publish', publish)
"""
LIBRARIES: Final[dict[str, str]] = {"kapok_fleet": versioned("kapok_fleet", _CODE)}
"""Name -> code, with the function that names its version."""
WRITE: Final = "kapok_fleet_write"
TAKE: Final = "kapok_fleet_take"
RENEW: Final = "kapok_fleet_renew"
RELEASE: Final = "kapok_fleet_release"
PUBLISH: Final = "kapok_fleet_publish"


async def check_library(redis: Redis) -> None:
    """Refuse a store that has not exactly this library.

    Raises:
        FunctionsMissingError: it lacks it.
        RedisError: it is away.
    """
    await check_functions(redis, LIBRARIES)
