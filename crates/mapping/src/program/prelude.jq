# What jq calls by these names, and is written in jq.
def add: reduce .[] as $x (null; . + $x);
def add(f): reduce f as $x (null; . + $x);
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def unique_by(f): [group_by(f)[] | .[0]];
def min_by(f): sort_by(f)[0];
def max_by(f): sort_by(f)[-1];
def toboolean: if . == true or . == "true" then true elif . == false or . == "false" then false else error("cannot parse as boolean") end;
def @text: tostring;
def @json: tojson;
