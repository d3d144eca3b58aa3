#!lua name=kapok_destroy

-- The end of a plane (docs/destruction.md). All keys share the hash tag {status}.

-- keys: planes, plane, condemned, changes, deltas, heads; args: name. From here on nobody reads or
-- changes the plane, and nothing of it is published; its octets wait to be counted. Done again, it
-- changes nothing more. Returns the head, '' where nothing was published.
local function condemn(keys, args)
  if redis.call('EXISTS', keys[2]) == 1 then
    redis.call('RENAME', keys[2], keys[3])
  end
  redis.call('HSET', keys[1], args[1], 'destroyed')
  redis.call('DEL', keys[4], keys[5])
  return redis.call('HGET', keys[6], args[1]) or ''
end

redis.register_function('kapok_condemn', condemn)
