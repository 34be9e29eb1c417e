# Validates a document against a JSON Schema, as much of it as docs/summary.schema.json uses, and prints what is wrong:
# jq -r --slurpfile schema FILE -f schema.jq. With --arg list 1 it prints the members that appear instead.
def resolve($root; $s): if $s | has("$ref") then $root["$defs"][$s["$ref"] | split("/") | last] else $s end;
def is($want): type as $t | if $want == "integer" then $t == "number" and . == floor else $t == $want end;
def walk($root; $given; $path):
    resolve($root; $given) as $s | . as $value |
    (if $s | has("$ref") then empty else "= " + $path end),
    (if (($s | has("type")) and ($value | is($s.type) | not)) then "\($path): no \($s.type)" else empty end),
    (if (($s | has("const")) and $value != $s.const) then "\($path): not \($s.const)" else empty end),
    (if (($s | has("enum")) and ($s.enum | index([$value]) | not)) then "\($path): \($value) is none of \($s.enum)" else empty end),
    (if $s.type == "object" and ($value | type) == "object" then
        ($s.required[] | select(. as $name | $value | has($name) | not) | "\($path).\(.): missing"),
        ($value | keys_unsorted[] | . as $name | if $s.properties | has($name)
            then $value[$name] | walk($root; $s.properties[$name]; $path + "." + $name) else "\($path).\($name): not described" end)
     elif $s.type == "array" and ($value | type) == "array" then $value[] | walk($root; $s.items; $path + "[]")
     else empty end);
walk($schema[0]; $schema[0]; "") | if $list == "1" then select(startswith("= ")) | .[2:] else select(startswith("= ") | not) end
