#!lua name=kapok_acts

-- What people do by hand, counted over the last hour (docs/store-verifier.md). A row is a text:
-- `<second>*<count>` for each second in which something was done, oldest first, parted by spaces.

-- Returns the row's entries that still count, as {second, count} each, and their sum.
local function counted(row, since)
  local entries, sum = {}, 0
  for second, count in string.gmatch(row or '', '(%d+)%*(%d+)') do
    second, count = tonumber(second), tonumber(count)
    if second > since then
      entries[#entries + 1] = { second, count }
      sum = sum + count
    end
  end
  return entries, sum
end

local function written(entries)
  local texts = {}
  for number, entry in ipairs(entries) do
    texts[number] = string.format('%.0f*%.0f', entry[1], entry[2])
  end
  return table.concat(texts, ' ')
end

-- keys: spent, refused; args: field, items, budget, seconds of the window. Takes all items, or none.
-- Returns {1, spent with them, 0}, or {0, spent, second from which on they would be taken}; that
-- is 0 where they are more than the whole budget.
local function spend(keys, args)
  local now = tonumber(redis.call('TIME')[1])
  local field, items, budget, window = args[1], tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local entries, sum = counted(redis.call('HGET', keys[1], field), now - window)
  if sum + items <= budget then
    -- A clock that was set back adds to the newest second: entries stay in their order.
    local last = entries[#entries]
    if last and last[1] >= now then
      last[2] = last[2] + items
    else
      entries[#entries + 1] = { now, items }
    end
    redis.call('HSET', keys[1], field, written(entries))
    redis.call('EXPIRE', keys[1], window)
    return { 1, sum + items, 0 }
  end
  local refused = counted(redis.call('HGET', keys[2], field), now - window)
  if #refused > 0 then
    refused = { { now, refused[1][2] + 1 } }
  else
    refused = { { now, 1 } }
  end
  redis.call('HSET', keys[2], field, written(refused))
  redis.call('EXPIRE', keys[2], window)
  local free = 0
  for _, entry in ipairs(entries) do
    sum = sum - entry[2]
    if sum + items <= budget then
      free = entry[1] + window
      break
    end
  end
  return { 0, (select(2, counted(redis.call('HGET', keys[1], field), now - window))), free }
end

redis.register_function('kapok_spend', spend)
