-- What becomes of a scan in the store, as one step; what it claims stands in claims.lua.
-- States: l live, m amended by an upload, o uploaded, a annulled.

local HOUR = 3600
local INDEX_SECONDS = 90000 -- 25 h: an answer is remembered for 24 h after the hour it was made in
local MOST_AHEAD = 24 -- hours; a scan_id of a later hour is remembered no longer
-- Which keys of the present hour have their time to live, so that it is not set at every scan.
-- Only a memory: after a restart it is empty, and NX changes nothing that is there.
local armed, armed_hour = {}, 0

-- Seconds by which a step put this machine's clock ahead; a worker says so, and again every second.
local ahead_by = 0

local function clock()
  local seconds = tonumber(redis.call('TIME')[1]) - ahead_by
  return seconds, math.floor(seconds / HOUR)
end

local function clock_ms()
  local time = redis.call('TIME')
  return (tonumber(time[1]) - ahead_by) * 1000 + math.floor(tonumber(time[2]) / 1000)
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
  else -- an hour of the past is kept as long from now; one of the next day until it has passed
    redis.call('EXPIRE', index, INDEX_SECONDS + math.min(math.max(ahead, 0), MOST_AHEAD) * HOUR)
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

-- A stream of records has no end of its own: a wrong clock would bring it. The archiving process
-- takes it away, 26 h after its hour (verifier/archive/hours.py).
local function append(prefix, hour, ...)
  local key = prefix .. 'r:' .. hour
  if ahead_by == 0 then
    return pack_id(redis.call('XADD', key, '*', ...))
  end
  local added = redis.pcall('XADD', key, string.format('%.0f-*', clock_ms()), ...)
  if type(added) == 'table' and added.err then -- an entry stands behind it: this one follows that
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1][1]
    added = redis.call('XADD', key, string.match(last, '^%d+') .. '-*', ...)
  end
  return pack_id(added)
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

local ANNUL_MS = 900000 -- verifier/contract/amendment.py: so long a terminal may say: nobody passed

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
-- claims...; returns the answer's letter, 'c' for a conflict, {'g', positions} where members of a group
-- had passed already, or {'k', answer, state, record, amendment, positions}
local function scan(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if known then
    local digest, answer, state, id = read(known)
    if digest ~= args[2] then
      return 'c'
    end
    local found = entry(prefix, id)
    local exceptions = exceptions_of(found['c'])
    return { 'k', answer, state, found['r'] or '', found['m'] or '', exceptions }
  end
  local answer, taken = args[5], nil
  if #args == 10 and args[6] == 'o' then
    answer, taken = take_once(prefix, args[1], args, 6)
    answer = answer or 'f'
  elseif args[6] == 'g' then
    answer, taken = admit(prefix, args[1], args, 6, nil)
  elseif #args > 5 then
    answer = refusal(prefix, args[1], args, 6, #args, nil)
    if not answer then
      answer, taken = 'f', take(prefix, args[1], args, 6, #args, nil, {})
    end
  end
  store(prefix, keys, args, answer, 'l', taken)
  if answer == 'g' then
    return { 'g', exceptions_of(pack_claims(taken)) }
  end
  return answer
end

-- Appends a record again, with what is said of it beside it if there is anything; `since`: the
-- millisecond in which the centre had answered, where a terminal's upload amends that.
local function append_again(prefix, hour, record, answer, claimed, amendment, since)
  local fields = { 'r', record, 'a', answer .. (claimed or '') }
  for name, value in pairs({ m = amendment or nil, s = since or nil }) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  return append(prefix, hour, unpack(fields))
end

-- Answers by which somebody may have been let through, and that hold claims.
local LET_PASS = { f = true, g = true }

-- An upload of a scan that was answered here: what the terminal did is appended. When it let nobody
-- through, what a pass took is given back, for as long as the terminal could annul it.
local function amend(prefix, keys, args, value)
  local digest, answer, _, id = read(value)
  local before = entry(prefix, id)
  local state, record = 'm', args[4]
  local _, stored_at = unpack_id(id)
  if LET_PASS[answer] and args[6] == 'n' then
    if clock_ms() - stored_at > ANNUL_MS then
      record = args[8]
    else
      give_back(prefix, args[1], before['c'])
      state = 'a'
    end
  end
  local _, hour = clock()
  local claimed = state == 'm' and before['c']
  local since = before['s'] or string.format('%.0f', stored_at)
  local added = append_again(prefix, hour, record, answer, claimed, before['m'], since)
  remember(keys[1], args[1], hour, args[3], digest .. answer .. state .. added)
  return { 'm', answer, state }
end

-- Whether what a terminal says the centre decided (d: a pass, c: no pass) is what it decided.
local function as_answered(flag, answer)
  if flag == 'd' then
    return answer == 'f' or answer == 'x'
  end
  return flag == 'c' and answer ~= 'f'
end

-- keys: index; args: scan_id, digest, hour of the scan_id, record, answer when nothing is claimed,
-- 'p' when the terminal let somebody through, 'n' when not, 'd' and 'c' when it says that the centre
-- decided so, Unix seconds of the scan, the record when nothing is given back any more, claims...;
-- returns the answer's letter, 'c', {'k', answer, state}, or {'m', answer, state}
local function upload(keys, args)
  local prefix = string.sub(keys[1], 1, 7)
  local known = redis.call('HGET', keys[1], args[1])
  if known then
    local digest, answer, state = read(known)
    if digest ~= args[2] then
      return 'c'
    elseif state == 'l' and not as_answered(args[6], answer) then
      return amend(prefix, keys, args, known)
    end
    return { 'k', answer, state }
  end
  local answer, taken = args[5], nil
  if #args > 8 then
    local since = tonumber(args[7]) - clock()
    if args[9] == 'g' then
      answer, taken = admit(prefix, args[1], args, 9, since)
    else
      answer = refusal(prefix, args[1], args, 9, #args, since)
    end
    if not answer then
      taken = take(prefix, args[1], args, 9, #args, since, {})
      answer = #taken > 0 and 'f' or 'x'
    end
  end
  store(prefix, keys, args, answer, 'o', taken)
  return answer
end

-- keys: index; args: scan_id; returns 0 for an unknown scan, or {answer, state, id of the newest
-- entry, now in ms, record, amendment, the ms in which the centre had answered if an upload amended it}
local function look(keys, args)
  local known = redis.call('HGET', keys[1], args[1])
  if not known then
    return 0
  end
  local _, answer, state, id = read(known)
  local found = entry(string.sub(keys[1], 1, 7), id)
  local ms = clock_ms()
  local record, amendment, since = found['r'] or '', found['m'] or '', found['s'] or ''
  return { answer, state, (unpack_id(id)), ms, record, amendment, since }
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
    id = append_again(prefix, hour, before['r'], answer, nil, args[3], before['s'])
  end
  remember(keys[1], args[1], hour, args[2], digest .. answer .. 'a' .. id)
  return 1
end

-- keys: index; args: scan_id, hour of the scan_id, id of the entry that was looked at, amendment, 'd'
-- where nobody is let through: what the scan took is given back;
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
  local claimed = before['c']
  if args[5] == 'd' then
    give_back(prefix, args[1], claimed)
    claimed = nil
  end
  local added = append_again(prefix, hour, before['r'], answer, claimed, args[4], before['s'])
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

-- keys: any; args: seconds by which a step put the clock of this machine ahead, 0: it made none
local function step(_, args)
  ahead_by = tonumber(args[1])
  return ahead_by
end

redis.register_function('kapok_scan', scan)
redis.register_function('kapok_upload', upload)
redis.register_function('kapok_annul', annul)
redis.register_function('kapok_look', look)
redis.register_function('kapok_resolve', resolve)
redis.register_function('kapok_keep_newest', keep_newest)
redis.register_function('kapok_step', step)
