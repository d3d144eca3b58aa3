#!lua name=kapok

-- What a scan claims in the store, as one step (docs/store-verifier.md); kapok.lua goes on from here.
-- Time is the server's; every key of a call shares the hash tag of KEYS[1], v:{tt}:...; nothing here
-- reads a code or a person.
--
-- Claims stand flat in the arguments:
--   'o' key also seconds shown      once: refused ('u') while the key is there, and where the proof
--                                   of the second `shown` has passed the other way
--   'e' key also seconds            enter: refused ('p') while the key is there
--   'l' key also seconds            leave: refused ('p') unless the key is there
--   'r' key seconds count limit     room: refused ('l') past the limit; a negative count gives back
--   'g'                             stands first where the members of a group follow
--   'm' position                    the claims of one member follow: all of them, or none
-- `also`: other names with spaces between them; held, they refuse as the key does.
-- Answers: f fresh, u used, l full, p pair, n unasked, x unknown, g of a group: members had passed
-- already, the others' claims are taken.

local MOST_ROOM_SECONDS = 86400
local SCAN_BYTES = 16 -- of a claim's holder; the second of the proof follows
local WIDTH = { o = 5, e = 4, l = 4, r = 5, m = 2 }
local OTHER_WAY = { i = 'o', o = 'i' }

-- The holders of a key, and of other names of it, that are not this scan.
local function held_by_others(family, key, also, scan)
  local holder = redis.call('GET', family .. key)
  if holder and string.sub(holder, 1, SCAN_BYTES) ~= scan then
    return true
  end
  for name in string.gmatch(also, '%S+') do
    holder = redis.call('GET', family .. name)
    if holder and string.sub(holder, 1, SCAN_BYTES) ~= scan then
      return true
    end
  end
  return false
end

local function held(family, key, also)
  if redis.call('EXISTS', family .. key) == 1 then
    return true
  end
  for name in string.gmatch(also, '%S+') do
    if redis.call('EXISTS', family .. name) == 1 then
      return true
    end
  end
  return false
end

-- Whether the proof of this second has let its person pass the other way.
local function went_the_other_way(family, name, shown)
  local other = string.sub(name, 1, -2) .. (OTHER_WAY[string.sub(name, -1)] or '')
  local holder = redis.call('GET', family .. other)
  return holder and string.sub(holder, SCAN_BYTES + 1) == shown
end

local function shown_the_other_way(family, key, also, shown)
  if shown == '0' then
    return false
  elseif went_the_other_way(family, key, shown) then
    return true
  end
  for name in string.gmatch(also, '%S+') do
    if went_the_other_way(family, name, shown) then
      return true
    end
  end
  return false
end

-- How long a claim is kept: a live one as long as its rule says, an uploaded one from its scan on.
local function lasting(seconds, since)
  return math.min(seconds, seconds + since)
end

local function room_is_full(prefix, key, count, limit)
  local inside = tonumber(redis.call('GET', prefix .. 'c:' .. key) or '0')
  return count > 0 and inside + count > limit
end

-- The answer that refuses the claims from `first` to `last`, if there is one.
local function refusal(prefix, scan, args, first, last, since)
  local at = first
  while at <= last do
    local kind, key, also = args[at], args[at + 1], args[at + 2]
    if kind == 'r' then
      if not since and room_is_full(prefix, key, tonumber(args[at + 3]), tonumber(args[at + 4])) then
        return 'l'
      end
    elseif not since or lasting(tonumber(args[at + 3]), since) > 0 then
      local family = prefix .. (kind == 'o' and 'u:' or 'p:')
      if kind == 'l' then
        if not held(family, key, also) then
          return 'p'
        end
      elseif held_by_others(family, key, also, scan) then
        return kind == 'o' and 'u' or 'p'
      elseif kind == 'o' and shown_the_other_way(family, key, also, args[at + 4]) then
        return 'u'
      end
    end
    at = at + WIDTH[kind]
  end
  return nil
end

-- Where the keys of each kind of claim stand; what is kept of a claim names its key without it.
local FAMILY = { o = 'u:', e = 'p:', l = 'p:', r = 'c:' }

local function leave(family, name, also, taken)
  for found in string.gmatch(name .. ' ' .. also, '%S+') do
    local key = family .. found
    local holder = redis.call('GET', key)
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

-- Takes the claims from `first` to `last` that still count, and notes in `taken` what giving back
-- needs to know.
local function take(prefix, scan, args, first, last, since, taken)
  local at = first
  while at <= last do
    local kind, key = args[at], args[at + 1]
    if kind == 'r' then
      -- An upload from before the counter's own memory says nothing of who is inside now.
      if not since or lasting(tonumber(args[at + 2]), since) > 0 then
        count_room(prefix .. 'c:' .. key, key, tonumber(args[at + 3]), taken)
      end
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
          local shown = kind == 'o' and args[at + 4] ~= '0' and args[at + 4] or ''
          redis.call('SET', family .. key, scan .. shown, 'EX', seconds)
          taken[#taken + 1] = { kind, key }
        end
      end
    end
    at = at + WIDTH[kind]
  end
  return taken
end

-- The one claim of most scans, checked and taken in one command.
local function take_once(prefix, scan, args, first)
  local family = prefix .. 'u:'
  local name, also, shown = args[first + 1], args[first + 2], args[first + 4]
  if also ~= '' and held_by_others(family, also, '', scan) then
    return 'u'
  end
  local value = scan
  if shown ~= '0' then
    if shown_the_other_way(family, name, also, shown) then
      return 'u'
    end
    value = scan .. shown
  end
  local holder = redis.call('SET', family .. name, value, 'NX', 'GET', 'EX', args[first + 3])
  if holder and string.sub(holder, 1, SCAN_BYTES) ~= scan then
    return 'u'
  end
  return nil, { { 'o', name } }
end

-- Where the members of a group stand among the claims: what holds for all, each member, the room.
local function parts_of_group(args, first)
  local all, members, room, at = { first + 1, first }, {}, nil, first + 1
  while at <= #args do
    local kind = args[at]
    if kind == 'r' then
      room = at
    elseif kind == 'm' then
      members[#members + 1] = { tonumber(args[at + 1]), at + 2, at + 1 }
    elseif #members == 0 then
      all[2] = at + WIDTH[kind] - 1
    else
      members[#members][3] = at + WIDTH[kind] - 1
    end
    at = at + WIDTH[kind]
  end
  return all, members, room
end

-- Takes the claims of a group's members, each member's all or none; who has passed already is an
-- exception and never the group's end. Returns the answer and what was taken, with the positions of the exceptions.
local function admit(prefix, scan, args, first, since)
  local all, members, room = parts_of_group(args, first)
  local refused = refusal(prefix, scan, args, all[1], all[2], since)
  if refused then
    return refused
  end
  local free, exceptions = {}, { 'x' }
  for _, member in ipairs(members) do
    if refusal(prefix, scan, args, member[2], member[3], since) then
      exceptions[#exceptions + 1] = member[1]
    else
      free[#free + 1] = member
    end
  end
  if #members > 0 and #free == 0 then
    return 'u'
  end
  local key, count, taken = room and args[room + 1], #free, {}
  if room and tonumber(args[room + 3]) < 0 then
    count = -count
  end
  if room and not since and room_is_full(prefix, key, count, tonumber(args[room + 4])) then
    return 'l'
  end
  take(prefix, scan, args, all[1], all[2], since, taken)
  for _, member in ipairs(free) do
    take(prefix, scan, args, member[2], member[3], since, taken)
  end
  if room and (not since or lasting(tonumber(args[room + 2]), since) > 0) then
    count_room(prefix .. 'c:' .. key, key, count, taken)
  end
  if since and #taken == 0 then
    return 'x', taken
  elseif #exceptions > 1 then
    taken[#taken + 1] = exceptions
    return 'g', taken
  end
  return 'f', taken
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
    local key = kind ~= 'x' and prefix .. FAMILY[kind] .. claim[2]
    if kind == 'r' then
      local inside = tonumber(redis.call('GET', key) or '0')
      redis.call('SET', key, math.max(0, inside - claim[3]), 'EX', MOST_ROOM_SECONDS)
    elseif kind == 'l' then
      redis.call('SET', key, claim[3], 'NX', 'PXAT', string.format('%.0f', claim[4]))
    elseif key and string.sub(redis.call('GET', key) or '', 1, SCAN_BYTES) == scan then
      redis.call('DEL', key)
    end
  end
end

-- The positions of a group's members who had passed already, as they stand among its claims.
local function exceptions_of(packed)
  local claims = unpack_claims(packed)
  local last = claims[#claims]
  if not last or last[1] ~= 'x' then
    return {}
  end
  table.remove(last, 1)
  return last
end
