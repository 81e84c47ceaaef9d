-- SPDX-License-Identifier: MIT
-- Echo: every message comes back as it was. A raw game: no records, no state.
local parlor = require "parlor"

local echo = parlor.game {
  title = "Echo", about = "Every message comes back. Plain WebSocket, for tests and benchmarks.",
  raw = true, max_players = 50000, max_message = 32 * 1024 * 1024,
}

function echo:message(player, data, is_text)
  player:send(data, is_text)
end

return echo
