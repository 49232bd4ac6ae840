/**
 * `release`: destinations whose host came back since they were refused, those that wait longest first. Each is handed out
 * once: it leaves the lists of all hosts that it waited for.
 *
 * KEYS[1] hosts that came back while somebody waited
 * ARGV[1] how many destinations at most;  ARGV[2] how many hosts are looked at most
 *
 * Keys made here carry the same tag: host:<host>, wait:<host>, waits:<destination>.
 * All its writes remove something, so it finishes on a full Redis. A host that fell again meanwhile is put off until its next
 * recovery. Returns the destinations.
 */
export const releaseScript: string = `
local call = redis.call
local portion, out = tonumber(ARGV[1]), {}
for _, host in ipairs(call('SRANDMEMBER', KEYS[1], ARGV[2])) do
  if #out >= portion then break end
  local list, st = 'wait:{mw:h}:' .. host, call('HGET', 'host:{mw:h}:' .. host, 'st')
  if st and st ~= 'H' and st ~= 'R' then
    call('SREM', KEYS[1], host)
  else
    local popped = call('ZPOPMIN', list, portion - #out)
    for i = 1, #popped, 2 do
      local destination = popped[i]
      local hosts = call('GET', 'waits:{mw:h}:' .. destination)
      if hosts then
        call('DEL', 'waits:{mw:h}:' .. destination)
        for other in string.gmatch(hosts, '%S+') do call('ZREM', 'wait:{mw:h}:' .. other, destination) end
        out[#out + 1] = destination
      end
    end
    if call('EXISTS', list) == 0 then call('SREM', KEYS[1], host) end
  end
end
return out
`;
