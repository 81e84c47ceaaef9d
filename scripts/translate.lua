-- SPDX-License-Identifier: MIT
-- translate: a game's shared.lua as an ES module, so that the page predicts by the very
-- code that the server runs. A subset of Lua whose arithmetic is the same to the bit in
-- both (README.md, "shared.lua"); what is outside of it is an error with its line.
--
-- Lua in, text out, in one pass: each rule reads its words and returns JavaScript. An
-- expression comes as text and its kind: "number", "boolean", "string", "nil" or "any".
-- What tells types is noted on the way (notes.lua).

local error, ipairs, setmetatable, tonumber = error, ipairs, setmetatable, tonumber
local format, gmatch, gsub, match, sub = string.format, string.gmatch, string.gsub, string.match, string.sub
local concat = table.concat

local function set(words)
  local s = {}
  for word in gmatch(words, "%S+") do s[word] = true end
  return s
end

-- What is no name in a module, or must not be hidden there.
local reserved = set [[arguments async await case catch class const continue debugger default delete enum eval
  export extends finally implements import instanceof interface let new null package private protected public
  static super switch this throw try typeof undefined var void with yield Math Infinity NaN Object]]

-- How the page does what math does: as Lua does it, to the bit. `max` of two.
local functions = {
  floor = { n = 1, js = "Math.floor" }, sqrt = { n = 1, js = "Math.sqrt" }, abs = { n = 1, js = "Math.abs" },
  min = { n = 2, js = "$min" }, max = { n = 2, js = "$max" },
}
local constants = { pi = "Math.PI", huge = "Infinity" }
local no_twin = set "sin cos tan asin acos atan atan2 exp log log10 pow sinh cosh tanh fmod"

local head = [[
const $is = (v) => v !== null && v !== undefined && v !== false;
const $mod = (a, b) => a - Math.floor(a / b) * b;
const $min = (a, b) => (a < b ? a : b);
const $max = (a, b) => (a > b ? a : b);
]]

local P = {}
P.__index = P

function P:fail(what, line)
  error(format("%s:%d: %s", self.path, line or self.line, what), 0)
end
function P:outside(what, line)
  self:fail(what .. " cannot be shared with the page (scripts/README.md, \"shared.lua\")", line)
end

-- Names. A scope knows its locals; each has a name of its own in the module, as Lua's
-- may hide each other and JavaScript's must not be read before they are there.

function P:open(is_function)
  self.scope = { outer = self.scope, names = {}, depth = self.scope.depth + (is_function and 1 or 0) }
end
function P:close() self.scope = self.scope.outer end

function P:declare(name, what)
  local js, n = name, 0
  while self.taken[js] or reserved[js] do
    n = n + 1
    js = name .. "$" .. n
  end
  self.taken[js] = true
  local v = what or {}
  v.js, v.depth = js, self.scope.depth
  self.scope.names[name] = v
  self.notes.variables[js] = v
  return v
end

function P:find(name)
  local scope = self.scope
  while scope do
    if scope.names[name] then return scope.names[name] end
    scope = scope.outer
  end
end

function P:temp()
  self.n_temps = self.n_temps + 1
  return "$" .. self.n_temps
end

-- Expressions.

local function truth(js, kind)
  if kind == "boolean" then return js end
  return format("$is(%s)", js)
end

function P:arguments(f)
  local list = {}
  self:need "("
  if not self:is ")" then
    repeat
      list[#list + 1] = (self:expression())
      if f then self:note_number(list[#list]) end
    until not self:try ","
  end
  self:need ")"
  if f and #list ~= f.n then
    self:outside(format("%s with %d argument%s (it takes %d here)", f.name, #list, #list == 1 and "" or "s", f.n))
  end
  return concat(list, ", ")
end

function P:math_member()
  local line = self.line
  self:need "."
  local name = self:name()
  if functions[name] then
    return { js = functions[name].js, n = functions[name].n, name = "math." .. name, is_math = true }
  elseif constants[name] then
    return { js = constants[name], kind = "number" }
  elseif no_twin[name] then
    self:outside(format("math.%s, whose last bits differ from browser to browser,", name), line)
  end
  self:outside("math." .. name, line)
end

-- A name and what hangs on it. Returns also what it is: its variable where it is only a
-- name, the variable at its root where it is a field, or a call.
function P:suffixed()
  local line, name = self.line, self:name()
  local v = self:find(name)
  local js, kind, what, root
  if v then
    js, kind, what, root = v.js, v.kind or "any", "name", v
  elseif name == "math" then
    v = self:math_member()
    js, kind, what = v.js, v.kind or "any", "value"
  else
    self:outside(("the global " .. name), line)
  end
  if v.is_math and not self:is "(" then
    if what == "value" then return js, "function", "value", v end
    self:outside(name .. " without a call", line)
  end
  while true do
    if self:is "(" then
      local args = self:arguments(v and v.is_math and v)
      local callee, is_math = js, v and v.is_math
      js, kind, what, v = format("%s(%s)", js, args), is_math and "number" or "any", "call", nil
      self.notes.calls[js] = callee
    elseif self:try "." then
      js, kind, what, v = js .. "." .. self:name(), "any", "field", nil
    elseif self:is "[" then
      self:outside "an index in brackets"
    elseif self:is ":" then
      self:outside "a method call"
    elseif self:is "{" or self.kind == "string" then
      self:outside "a call without parentheses"
    else
      return js, kind, what, root
    end
  end
end

-- { x = 1, y = 2 }
function P:constructor()
  local list, values = {}, {}
  self:need "{"
  while not self:is "}" do
    local line = self.line
    if self.kind ~= "name" then self:outside("a list in a table", line) end
    local name = self:name()
    if not self:try "=" then self:outside("a list in a table", line) end
    local js, kind = self:expression()
    list[#list + 1] = format("%s: %s", name, js)
    values[name] = { js = js, kind = kind }
    self.fields = self.fields or {}
    self.fields[#self.fields + 1] = name
    if not (self:try "," or self:try ";") then break end
  end
  self:need "}"
  self.values = values
  return #list > 0 and format("{ %s }", concat(list, ", ")) or "{}"
end

function P:simple()
  local word = self.word
  if self.kind == "number" then
    local n = tonumber(word)
    if not n then self:fail(word .. " is no number") end
    self:advance()
    return format("%.17g", n), "number"
  elseif self.kind == "string" then
    self:advance()
    return format('"%s"', word), "string"
  elseif self.kind == "name" then
    local js, kind = self:suffixed()
    if kind == "function" then self:outside(js .. " as a value") end
    return js, kind
  elseif self:try "nil" then return "null", "nil"
  elseif self:try "true" then return "true", "boolean"
  elseif self:try "false" then return "false", "boolean"
  elseif self:try "(" then
    local js, kind = self:expression()
    self:need ")"
    return format("(%s)", js), kind
  elseif self:is "{" then return self:constructor(), "any"
  elseif self:is "function" then self:outside "a function without a name"
  end
  self:fail(format("an expression is missing before %s", word))
end

local power = { ["or"] = 1, ["and"] = 2, ["<"] = 3, [">"] = 3, ["<="] = 3, [">="] = 3, ["=="] = 3, ["~="] = 3,
  ["+"] = 5, ["-"] = 5, ["*"] = 6, ["/"] = 6, ["%"] = 6, [".."] = 4, ["^"] = 8 }

local function equal(a, ka, b, kb)
  if ka == "nil" or kb == "nil" then return format("(%s == %s)", a, b) end
  if ka ~= "any" or kb ~= "any" then return format("(%s === %s)", a, b) end
  return format("((%s ?? null) === (%s ?? null))", a, b)
end

function P:binary(op, a, ka, b, kb, line)
  if op == ".." or op == "^" then self:outside(op, line) end
  if op == "and" or op == "or" or kb == "nil" then self:note_open(a) end
  if power[op] >= 5 then self:note_number(a) self:note_number(b) end
  if op == "==" then return equal(a, ka, b, kb), "boolean" end
  if op == "~=" then return "!" .. equal(a, ka, b, kb), "boolean" end
  if op == "and" or op == "or" then
    local kind = ka == kb and ka or "any"
    if ka == "boolean" then return format("(%s %s %s)", a, op == "and" and "&&" or "||", b), kind end
    local t = self:temp()
    if op == "and" then return format("($is(%s = %s) ? %s : %s)", t, a, b, t), kind end
    return format("($is(%s = %s) ? %s : %s)", t, a, t, b), kind
  end
  for _, kind in ipairs { ka, kb } do
    if kind ~= "number" and kind ~= "any" then self:fail(format("%s with a %s", op, kind), line) end
  end
  if power[op] == 3 then return format("(%s %s %s)", a, op, b), "boolean" end
  if op == "%" then return format("$mod(%s, %s)", a, b), "number" end
  return format("(%s %s %s)", a, op, b), "number"
end

function P:expression(limit)
  local js, kind
  if self:is "not" then
    self:advance()
    js, kind = self:expression(7)
    self:note_open(js)
    js, kind = format("!%s", truth(js, kind)), "boolean"
  elseif self:is "-" then
    self:advance()
    js = self:expression(7)
    self:note_number(js)
    js, kind = format("(-%s)", js), "number"
  elseif self:is "#" then
    self:outside "#"
  else
    js, kind = self:simple()
  end
  local strength = power[self.word]
  while self.kind ~= "string" and strength and strength > (limit or 0) do
    local op, line = self.word, self.line
    self:advance()
    local b, kb = self:expression(strength)
    js, kind = self:binary(op, js, kind, b, kb, line)
    strength = power[self.word]
  end
  return js, kind
end

function P:condition()
  local js, kind = self:expression()
  self:note_open(js)
  return truth(js, kind)
end

-- Statements. `out` are the module's lines.

function P:say(text, ...)
  local line = self.indent .. (... and format(text, ...) or text)
  self.out[#self.out + 1] = line
end

function P:block(...)
  local words, indent = { ... }, self.indent
  self:open()
  self.ends = false
  self.indent = indent .. "  "
  while true do
    for _, word in ipairs(words) do
      if self:is(word) then
        self.indent = indent
        return self:close()
      end
    end
    if self.kind == "end" then self:fail(format("%s is missing", words[#words])) end
    self:statement()
  end
end

-- From the parameters to the end; the lines go in place of a mark, as the temporaries
-- are known last.
function P:body(intro, js)
  local names, outer = {}, self.body_notes
  local notes = { names = {}, parameters = {}, results = {} }
  self.notes.functions[js], self.body_notes = notes, notes
  local outer_temps, indent = self.n_temps, self.indent
  self:open(true)
  self:need "("
  if not self:is ")" then
    repeat
      local name = self:name()
      local v = self:declare(name, { is_parameter = true })
      names[#names + 1], notes.names[#names + 1], notes.parameters[#names + 1] = v.js, name, v
    until not self:try ","
  end
  self:need ")"
  self:say("%s(%s) => {", intro, concat(names, ", "))
  local mark = #self.out + 1
  self.out[mark] = ""
  self.n_temps = 0
  self:block "end"
  self:need "end"
  notes.ends, self.body_notes = self.ends, outer
  if self.n_temps > 0 then
    local list = {}
    for i = 1, self.n_temps do list[i] = "$" .. i end
    self.out[mark] = format("%s  let %s;", indent, concat(list, ", "))
  end
  self.n_temps = outer_temps
  self:say "};"
  self:close()
end

function P:local_statement()
  if self:try "function" then
    local v = self:declare(self:name(), { is_constant = true })
    return self:body(format("const %s = ", v.js), v.js)
  end
  local names, values = {}, {}
  repeat names[#names + 1] = self:name() until not self:try ","
  if self:is "<" then self:outside "an attribute" end
  if self:try "=" then
    repeat
      -- local floor = math.floor: the function under another name
      local member, after = match(self.text, "^%.(%w+)%s*(.?)", self.at)
      if self:is "math" and functions[member] and after ~= "(" then
        self:advance()
        values[#values + 1] = { alias = self:math_member() }
      else
        self.fields = nil
        local js, kind = self:expression()
        values[#values + 1] = { js = js, kind = kind, fields = self.fields, is_empty = js == "{}",
          values = self.fields and self.values }
      end
    until not self:try ","
  end
  if #values > #names then self:fail("more values than names", self.last_line) end
  local list = {}
  for i, name in ipairs(names) do
    local value = values[i] or { js = "null", kind = "any" }
    if value.alias then
      local a = value.alias
      self.scope.names[name] = { js = a.js, n = a.n, name = a.name, is_math = true, depth = self.scope.depth }
    else
      -- Declared behind all values: they do not see it yet.
      list[#list + 1] = { name, value }
    end
  end
  local declared = {}
  for i, pair in ipairs(list) do
    local v = self:declare(pair[1], { fields = pair[2].fields, is_table = pair[2].is_empty or pair[2].fields ~= nil,
      kinds = { pair[2] }, values = pair[2].values })
    declared[i] = format("%s = %s", v.js, pair[2].js)
  end
  if #declared > 0 then self:say("let %s;", concat(declared, ", ")) end
end

-- Functions keep nothing between calls: what stands outside of them is theirs to read.
function P:check_target(what, root, js, line)
  if what == "call" or what == "value" then self:fail("a value is assigned to a call", line) end
  if root.is_constant or root.is_math then self:outside(format("another value for the function %s", js), line) end
  if self.scope.depth > 0 and root.depth == 0 then
    self:outside(format("a function that changes %s, which is outside of it,", js), line)
  end
end

function P:assignment_or_call()
  local line = self.line
  local js, _, what, root = self:suffixed()
  if not (self:is "=" or self:is ",") then
    if what ~= "call" then self:fail("a statement is missing", line) end
    return self:say("%s;", js)
  end
  local targets, values = { js }, {}
  self:check_target(what, root, js, line)
  self:note_field(js, root)
  while self:try "," do
    js, _, what, root = self:suffixed()
    self:check_target(what, root, js, line)
    targets[#targets + 1] = js
  end
  self:need "="
  local kinds = {}
  repeat
    values[#values + 1], kinds[#values + 1] = self:expression()
  until not self:try ","
  if #values ~= #targets then self:fail("as many values as names are needed", line) end
  for i, target in ipairs(targets) do self:note_value(target, values[i], kinds[i]) end
  if #targets == 1 then
    if self.scope.depth == 0 then self.notes.constants[js] = { js = values[1], kind = kinds[1] } end
    return self:say("%s = %s;", targets[1], values[1])
  end
  self:say("[%s] = [%s];", concat(targets, ", "), concat(values, ", "))
end

-- M.speed = 5 of the file's own table
function P:note_field(js, root)
  local field = match(js, "^[%w_$]+%.([%w_]+)$")
  if self.scope.depth == 0 and root and root.is_table and field then
    root.fields = root.fields or {}
    root.fields[#root.fields + 1] = field
  end
end

function P:function_statement()
  local line = self.line
  local name = self:name()
  local root = self:find(name)
  if not root then self:outside(("the global function " .. name), line) end
  if not self:try "." then
    if self:is ":" then self:outside "a method" end
    self:outside("another value for " .. name, line)
  end
  local js = root.js .. "." .. self:name()
  if not self:is "(" then self:outside("a function in a table in a table", line) end
  self:check_target("field", root, js, line)
  self:note_field(js, root)
  self:body(format("%s = ", js), js)
end

function P:if_statement()
  self:say("if (%s) {", self:condition())
  self:need "then"
  self:block("elseif", "else", "end")
  local ends = self.ends
  while self:try "elseif" do
    self:say("} else if (%s) {", self:condition())
    self:need "then"
    self:block("elseif", "else", "end")
    ends = ends and self.ends
  end
  if self:try "else" then
    self:say "} else {"
    self:block "end"
    ends = ends and self.ends
  else
    ends = false
  end
  self:need "end"
  self:say "}"
  self.ends = ends
end

function P:for_statement()
  local line, name = self.line, self:name()
  if not self:try "=" then self:outside("a loop over a table", line) end
  local from = self:expression()
  self:need ","
  local to, step = self:expression(), 1
  if self:try "," then
    local sign = self:try "-" and -1 or 1
    step = self.kind == "number" and tonumber(self.word)
    if not step or step == 0 then self:outside("a loop whose step is not written out", line) end
    step = step * sign
    self:advance()
  end
  self:need "do"
  self:open()
  local i = self:declare(name).js
  local at, last = self:declare(name .. "_at").js, self:declare(name .. "_last").js
  self:say("for (let %s = %s, %s = %s; %s %s %s; %s += %.17g) {", at, from, last, to, at, step > 0 and "<=" or ">=",
    last, at, step)
  self:say("  let %s = %s;", i, at)
  self:block "end"
  self:need "end"
  self.ends = false
  self:say "}"
  self:close()
end

function P:return_statement()
  self.ends = true
  if self:is "end" or self:is "else" or self:is "elseif" or self:is "until" then
    self.body_notes.is_bare = true
    return self:say "return;"
  end
  local js, kind = self:expression()
  local results = self.body_notes.results
  results[#results + 1] = { js = js, kind = kind }
  self:say("return %s;", js)
  if self:is "," then self:outside "more than one result" end
  self:try ";"
end

function P:statement()
  if self:try ";" then return end
  self.ends = false -- a return is what comes last
  if self:try "local" then return self:local_statement() end
  if self:try "function" then return self:function_statement() end
  if self.scope.depth == 0 and not self:is "do" and self.kind == "keyword" and not self:is "return" then
    self:outside(self.word .. " outside of functions")
  end
  if self:try "if" then return self:if_statement() end
  if self:try "for" then return self:for_statement() end
  if self:try "while" then
    self:say("while (%s) {", self:condition())
    self:need "do"
    self:block "end"
    self:need "end"
    self.ends = false
    return self:say "}"
  end
  if self:try "do" then
    self:say "{"
    self:block "end"
    self:need "end"
    return self:say "}"
  end
  if self:try "break" then return self:say "break;" end
  if self:try "return" then return self:return_statement() end
  if self:is "repeat" or self:is "goto" or self:is "::" then self:outside(self.word) end
  if self.kind ~= "name" then self:fail(format("%s is not expected here", self.word)) end
  self:assignment_or_call()
end

-- The file ends with `return M` or `return { step = step }`.
function P:exports()
  local line = self.line
  if not self:try "return" then self:fail("the file has to end with return and its table", line) end
  local fields, js
  if self:is "{" then
    self.fields = nil
    js = self:constructor()
    fields = self.fields
    self.notes.fields = self.values
  else
    local v = self.kind == "name" and self:find(self.word)
    if not v or not v.is_table then self:fail("what is returned is the table of the functions", line) end
    self:advance()
    js, fields = v.js, v.fields
    self.notes.module, self.notes.fields = js, v.values
  end
  self:try ";"
  if self.kind ~= "end" then self:fail("nothing follows the file's return") end
  self:say("const $module = %s;", js)
  self:say "export default $module;"
  local told = {}
  for _, name in ipairs(fields or {}) do
    if not told[name] and not reserved[name] then
      told[name] = true
      self.notes.names[#self.notes.names + 1] = name
      self:say(self.taken[name] and "export { $module_%s as %s };" or "export const %s = $module.%s;", name, name)
      if self.taken[name] then
        local last = self.out[#self.out]
        self.out[#self.out] = format("const $module_%s = $module.%s;", name, name)
        self.out[#self.out + 1] = last
      end
    end
  end
end

--- The text of the module, and what was noted of its types (notes.lua). Raises "path:line: what" where the text, which has to compile
-- as Lua, is outside of the subset.
local function translate(text, path)
  local p = setmetatable({ text = gsub(text, "^#[^\n]*", ""), path = path, at = 1, line = 1, line_at = 1,
    out = {}, indent = "", n_temps = 0, taken = {}, scope = { names = {}, depth = 0 },
    notes = P.new_notes() }, P)
  p:advance()
  while not p:is "return" and p.kind ~= "end" do p:statement() end
  p:exports()
  local temps = {}
  for i = 1, p.n_temps do temps[i] = "$" .. i end
  local lines = {}
  for _, line in ipairs(p.out) do
    if line ~= "" then lines[#lines + 1] = line end
  end
  return format("// %s, translated: edit that file.\n%s%s%s\n", path, head,
    #temps > 0 and format("let %s;\n", concat(temps, ", ")) or "", concat(lines, "\n")), p.notes
end

--- With what words.lua and notes.lua return.
return function(add_words, add_notes)
  add_words(P)
  add_notes(P)
  return translate
end
