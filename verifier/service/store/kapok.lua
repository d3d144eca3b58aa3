#!lua name=kapok

-- What a scan does in the store, as one step (docs/store-verifier.md). Time is the server's; every
-- key of a call shares the hash tag of KEYS[1], v:{tt}:...; nothing here reads a code or a person.
--
-- Claims stand flat in the arguments, four or five each:
--   'o' key also seconds            once: refused ('u') while the key is there
--   'e' key also seconds            enter: refused ('p') while the key is there
--   'l' key also seconds            leave: refused ('p') unless the key is there
--   'r' key seconds count limit     room: refused ('l') past the limit; a negative count gives back
-- Answers: f fresh, u used, l full, p pair, n unasked, x unknown.
-- States: l live, m amended by an upload, o uploaded, a annulled.

local INDEX_SECONDS = 90000 -- 25 h: an answer is remembered for 24 h after the hour it was made in
local RECORD_SECONDS = 93600 -- 26 h: 24 h after the hour has closed, and that hour
local HOUR = 3600
local MOST_ROOM_SECONDS = 86400

-- Which keys of the present hour have their time to live, so that it is not set at every scan.
-- Only a memory: after a restart it is empty, and NX changes nothing that is there.
local armed, armed_hour = {}, 0

local function clock()
  local seconds = tonumber(redis.call('TIME')[1])
  return seconds, math.floor(seconds / HOUR)
end

local function arm(key, seconds, hour)
  if hour ~= armed_hour then
    armed, armed_hour = {}, hour
  end
  if not armed[key] then
    redis.call('EXPIRE', key, seconds, 'NX')
    armed[key] = true
  end
end

local function remember(index, scan, hour, of_scan, value)
  redis.call('HSET', index, scan, value)
  local ahead = tonumber(of_scan) - hour
  if ahead == 0 then
    arm(index, INDEX_SECONDS, hour)
  else -- an hour of the past is kept as long from now; one of the future until it has passed
    redis.call('EXPIRE', index, INDEX_SECONDS + math.max(ahead, 0) * HOUR)
  end
end

-- The id of an entry as the index keeps it: 6 octets of milliseconds, 4 of the number within one.
local function pack_id(stream_id)
  local ms, number = string.match(stream_id, '^(%d+)-(%d+)$')
  return struct.pack('>I6I4', tonumber(ms), tonumber(number))
end

local function unpack_id(packed)
  local ms, number = struct.unpack('>I6I4', packed)
  return string.format('%.0f-%.0f', ms, number), ms
end

local function append(prefix, hour, ...)
  local key = prefix .. 'r:' .. hour
  local id = redis.call('XADD', key, '*', ...)
  arm(key, RECORD_SECONDS, hour)
  return pack_id(id)
end

-- The fields of a record, and as `c` what it claimed. Its hour is that of its id, or the one
-- before: an id of the first millisecond of an hour may stand in the stream chosen just before.
local function entry(prefix, packed_id)
  local id, ms = unpack_id(packed_id)
  local hour = math.floor(ms / 1000 / HOUR)
  for _, at in ipairs({ hour, hour - 1 }) do
    local found = redis.call('XRANGE', prefix .. 'r:' .. at, id, id)[1]
    if found then
      local fields = {}
      for place = 1, #found[2], 2 do
        fields[found[2][place]] = found[2][place + 1]
      end
      fields['c'] = string.sub(fields['a'], 2)
      return fields
    end
  end
  return {}
end

local function held_by(key, also)
  local holder = redis.call('GET', key)
  if not holder and also then
    holder = redis.call('GET', also)
  end
  return holder
end

-- How long a claim is kept: a live one as long as its rule says, an uploaded one from its scan on.
local function lasting(seconds, since)
  return math.min(seconds, seconds + since)
end

local function refusal(prefix, scan, args, first, since)
  local at = first
  while at <= #args do
    local kind, key = args[at], args[at + 1]
    if kind == 'r' then
      local count = tonumber(args[at + 3])
      if not since and count > 0 then
        local inside = tonumber(redis.call('GET', prefix .. 'c:' .. key) or '0')
        if inside + count > tonumber(args[at + 4]) then
          return 'l'
        end
      end
      at = at + 5
    else
      if not since or lasting(tonumber(args[at + 3]), since) > 0 then
        local family = prefix .. (kind == 'o' and 'u:' or 'p:')
        local also = args[at + 2] ~= '' and family .. args[at + 2]
        local holder = held_by(family .. key, also)
        if kind == 'l' then
          if not holder then
            return 'p'
          end
        elseif holder and holder ~= scan then
          return kind == 'o' and 'u' or 'p'
        end
      end
      at = at + 4
    end
  end
  return nil
end

-- Where the keys of each kind of claim stand; what is kept of a claim names its key without it.
local FAMILY = { o = 'u:', e = 'p:', l = 'p:', r = 'c:' }

local function leave(family, name, also, taken)
  for _, found in ipairs({ name, also }) do
    local key = family .. found
    local holder = found ~= '' and redis.call('GET', key)
    if holder then
      taken[#taken + 1] = { 'l', found, holder, redis.call('PEXPIRETIME', key) }
      redis.call('DEL', key)
    end
  end
end

local function count_room(key, name, count, taken)
  local inside = tonumber(redis.call('GET', key) or '0')
  local after = math.max(0, inside + count)
  redis.call('SET', key, after, 'EX', MOST_ROOM_SECONDS)
  taken[#taken + 1] = { 'r', name, after - inside }
end

-- Takes all claims that still count; returns whether any did, and what giving back needs to know.
local function take(prefix, scan, args, first, since)
  local taken = {}
  local at = first
  while at <= #args do
    local kind, key = args[at], args[at + 1]
    if kind == 'r' then
      -- An upload from before the counter's own memory says nothing of who is inside now.
      if not since or lasting(tonumber(args[at + 2]), since) > 0 then
        count_room(prefix .. 'c:' .. key, key, tonumber(args[at + 3]), taken)
      end
      at = at + 5
    else
      local seconds = tonumber(args[at + 3])
      if since then
        seconds = lasting(seconds, since)
      end
      local family = prefix .. (kind == 'o' and 'u:' or 'p:')
      if seconds > 0 then
        if kind == 'l' then
          leave(family, key, args[at + 2], taken)
        else
          redis.call('SET', family .. key, scan, 'EX', seconds)
          taken[#taken + 1] = { kind, key }
        end
      end
      at = at + 4
    end
  end
  return taken
end

-- The one claim of most scans, checked and taken in one command.
local function take_once(prefix, scan, args, first)
  local family = prefix .. 'u:'
  local key, also = family .. args[first + 1], args[first + 2]
  if also ~= '' then
    local holder = redis.call('GET', family .. also)
    if holder and holder ~= scan then
      return 'u'
    end
  end
  local holder = redis.call('SET', key, scan, 'NX', 'GET', 'EX', args[first + 3])
  if holder and holder ~= scan then
    return 'u'
  end
  return nil, { { 'o', args[first + 1] } }
end

-- What a scan claimed, as it stands behind its answer's letter: nothing; the one claim of most
-- scans by its letter and name; or all of them in MessagePack.
local function pack_claims(taken)
  if not taken or #taken == 0 then
    return ''
  elseif #taken == 1 and taken[1][1] == 'o' then
    return 'o' .. taken[1][2]
  end
  return 'm' .. cmsgpack.pack(taken)
end

local function unpack_claims(packed)
  if not packed or packed == '' then
    return {}
  elseif string.sub(packed, 1, 1) == 'o' then
    return { { 'o', string.sub(packed, 2) } }
  end
  return cmsgpack.unpack(string.sub(packed, 2))
end

local function give_back(prefix, scan, packed)
  for _, claim in ipairs(unpack_claims(packed)) do
    local kind = claim[1]
    local key = prefix .. FAMILY[kind] .. claim[2]
    if kind == 'r' then
      local inside = tonumber(redis.call('GET', key) or '0')
      redis.call('SET', key, math.max(0, inside - claim[3]), 'EX', MOST_ROOM_SECONDS)
    elseif kind == 'l' then
      redis.call('SET', key, claim[3], 'NX', 'PXAT', string.format('%.0f', claim[4]))
    elseif redis.call('GET', key) == scan then
      redis.call('DEL', key)
    end
  end
end

-- value: digest (12 octets), answer, state, id of the record (10 octets)
local function read(value)
  return string.sub(value, 1, 12), string.sub(value, 13, 13), string.sub(value, 14, 14),
    string.sub(value, 15)
end

local function store(prefix, keys, args, answer, state, taken)
  local _, hour = clock()
  local id = append(prefix, hour, 'r', args[4], 'a', answer .. pack_claims(taken))
  remember(keys[1], args[1], hour, args[3], args[2] .. answer .. state .. id)
end

-- keys: index; args: scan_id, digest, hour of the scan_id, record, answer when nothing is claimed,
-- claims...; returns the answer's letter, 'c' for a conflict, or {'k', answer, state, record,
-- amendment}
local function scan(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if known then
    local digest, answer, state, id = read(known)
    if digest ~= args[2] then
      return 'c'
    end
    local found = entry(prefix, id)
    return { 'k', answer, state, found['r'] or '', found['m'] or '' }
  end
  local answer, taken = args[5], nil
  if #args == 9 and args[6] == 'o' then
    answer, taken = take_once(prefix, args[1], args, 6)
    answer = answer or 'f'
  elseif #args > 5 then
    answer = refusal(prefix, args[1], args, 6, nil)
    if not answer then
      answer, taken = 'f', take(prefix, args[1], args, 6, nil)
    end
  end
  store(prefix, keys, args, answer, 'l', taken)
  return answer
end

-- Appends a record again, with what is said of it beside it if there is anything.
local function append_again(prefix, hour, record, answer, claimed, amendment)
  if amendment then
    return append(prefix, hour, 'r', record, 'a', answer .. (claimed or ''), 'm', amendment)
  end
  return append(prefix, hour, 'r', record, 'a', answer .. (claimed or ''))
end

-- An upload of a scan that was answered here: what the terminal did is appended, and what a pass
-- took is given back when the terminal did not let anybody through.
local function amend(prefix, keys, args, value)
  local digest, answer, _, id = read(value)
  local before = entry(prefix, id)
  local state = 'm'
  if answer == 'f' and args[6] ~= 'p' then
    give_back(prefix, args[1], before['c'])
    state = 'a'
  end
  local _, hour = clock()
  local claimed = state == 'm' and before['c']
  local added = append_again(prefix, hour, args[4], answer, claimed, before['m'])
  remember(keys[1], args[1], hour, args[3], digest .. answer .. state .. added)
  return { 'm', answer, state }
end

-- keys: index; args: scan_id, digest, hour of the scan_id, record, answer when nothing is claimed,
-- 'p' when the terminal let somebody through, 'n' when not, 'c' when it did what was answered here,
-- Unix seconds of the scan, claims...; returns the answer's letter, 'c', {'k', answer, state}, or
-- {'m', answer, state}
local function upload(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if known then
    local digest, answer, state = read(known)
    if digest ~= args[2] then
      return 'c'
    elseif state == 'l' and args[6] ~= 'c' then
      return amend(prefix, keys, args, known)
    end
    return { 'k', answer, state }
  end
  local answer, taken = args[5], nil
  if #args > 7 then
    local since = tonumber(args[7]) - clock()
    answer = refusal(prefix, args[1], args, 8, since)
    if not answer then
      taken = take(prefix, args[1], args, 8, since)
      answer = #taken > 0 and 'f' or 'x'
    end
  end
  store(prefix, keys, args, answer, 'o', taken)
  return answer
end

-- keys: index; args: scan_id; returns 0 for an unknown scan, or {answer, state, id of the newest
-- entry, now in ms, record, amendment}
local function look(keys, args)
  local known = redis.call('HGET', keys[1], args[1])
  if not known then
    return 0
  end
  local _, answer, state, id = read(known)
  local found = entry(string.sub(keys[1], 1, 7), id)
  local now = redis.call('TIME')
  local ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
  return { answer, state, unpack_id(id), ms, found['r'] or '', found['m'] or '' }
end

-- keys: index; args: scan_id, hour of the scan_id, amendment; returns 1 when this call annulled, 0
-- when the scan is unknown or was annulled before
local function annul(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if not known then
    return 0
  end
  local digest, answer, state, id = read(known)
  if state == 'a' then
    return 0
  end
  local before = entry(prefix, id)
  give_back(prefix, args[1], before['c'])
  local _, hour = clock()
  if before['r'] then
    id = append_again(prefix, hour, before['r'], answer, nil, args[3])
  end
  remember(keys[1], args[1], hour, args[2], digest .. answer .. 'a' .. id)
  return 1
end

-- keys: index; args: scan_id, hour of the scan_id, id of the entry that was looked at, amendment;
-- returns 1 when this call amended, 0 when the scan is no longer as it was
local function resolve(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if not known then
    return 0
  end
  local digest, answer, state, id = read(known)
  local before = entry(prefix, id)
  if unpack_id(id) ~= args[3] or state == 'a' or before['m'] or not before['r'] then
    return 0
  end
  local _, hour = clock()
  local added = append_again(prefix, hour, before['r'], answer, before['c'], args[4])
  remember(keys[1], args[1], hour, args[2], digest .. answer .. state .. added)
  return 1
end

-- keys: hash; args: field, version, bytes; keeps the higher version; value: version|bytes
local function keep_newest(keys, args)
  local held = redis.call('HGET', keys[1], args[1])
  if held and tonumber(string.match(held, '^%d+')) >= tonumber(args[2]) then
    return 0
  end
  redis.call('HSET', keys[1], args[1], args[2] .. '|' .. args[3])
  return 1
end

redis.register_function('kapok_scan', scan)
redis.register_function('kapok_upload', upload)
redis.register_function('kapok_annul', annul)
redis.register_function('kapok_look', look)
redis.register_function('kapok_resolve', resolve)
redis.register_function('kapok_keep_newest', keep_newest)
