-- SPDX-License-Identifier: MIT
-- notes: what translate.lua notes of a shared.lua that tells types, for kit/declare.lua. A
-- name in the module stands for one variable, so its text tells which it is.
--
--   variables  by name: kinds, a list of what it is given ({ js =, kind = } or "number");
--              of a parameter nil where nothing is known
--   calls      the text of a call -> that of the function
--   functions  by name: names and parameters, results, ends (no way leads past its last
--              return), is_bare (it has a return without value)
--   constants  "module.NAME" -> { js =, kind = }
--   module, fields, names   the table that is returned: its name, the values that it was
--              made with, what the module exports

--- Adds to the class P what takes notes.
return function(P)
  function P.new_notes() return { variables = {}, calls = {}, functions = {}, constants = {}, names = {} } end

  -- An operand of arithmetic: a parameter that is used so is a number.
  function P:note_number(js)
    local v = self.notes.variables[js]
    if v and v.is_parameter and not v.is_open then v.kinds = { "number" } end
  end
  -- It may be nil, or it is given another value first: nothing is known of the argument.
  function P:note_open(js)
    local v = self.notes.variables[js]
    if v and v.is_parameter and not v.kinds then v.is_open = true end
  end
  function P:note_value(js, value, kind)
    local v = self.notes.variables[js]
    self:note_open(js)
    if v and v.kinds then v.kinds[#v.kinds + 1] = { js = value, kind = kind } end
  end
end
