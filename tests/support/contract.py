"""Cases from a JSON Schema: the good payload, and every way to break it that the schema forbids.

Understands what docs/protocol/ uses: type, properties, required, items, enum, const, minimum, maximum, minLength, maxLength,
pattern, maxItems, default. Anything else in a schema is an error here, so that no clause goes without its cases."""

import copy
from dataclasses import dataclass

_KNOWN = {"$schema", "title", "description", "contentEncoding", "type", "properties", "required", "items", "enum", "minimum",
          "maximum", "minLength", "maxLength", "pattern", "maxItems", "default", "if", "then"}
_OF_TYPE = {"string": "word", "integer": 7, "number": 7.5, "boolean": True, "array": [], "object": {}}


@dataclass(frozen=True)
class Case:
    field: str  # dotted path of what is wrong (or, in a good one, of what is special)
    how: str
    payload: object

    def __str__(self):
        return f"{self.field}-{self.how}"


def example(schema, given=None):
    """A good value. `given`: dotted path -> the value to take there; optional members come only if they are given."""
    return _example(schema, given or {}, "")


def _example(schema, given, path):
    assert schema.keys() <= _KNOWN, f"{path}: {sorted(schema.keys() - _KNOWN)} have no cases"
    if path in given:
        return copy.deepcopy(given[path])
    if schema.get("type") == "object":
        names = [name for name in schema.get("properties", {}) if name in schema.get("required", ()) or _below(given, path, name)]
        return {name: _example(schema["properties"][name], given, _join(path, name)) for name in names}
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "string":
        return "" if "contentEncoding" in schema else "x" * schema.get("minLength", 0)
    return schema.get("minimum", _OF_TYPE[schema["type"]])


def _join(path, name):
    return f"{path}.{name}" if path else name


def _below(given, path, name):
    at = _join(path, name)
    return any(key == at or key.startswith((at + ".", at + "[")) for key in given)


def members(schema, path=""):
    """(dotted path, schema, whether it is required) of each member, those inside others after them. [0] stands for items."""
    for name, member in schema.get("properties", {}).items():
        at = _join(path, name)
        yield at, member, name in schema.get("required", ())
        yield from members(member, at)
        if "items" in member:
            yield from members(member["items"], f"{at}[0]")


def _steps(path):
    return [int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")]


def changed(payload, path, value):
    """A copy with `value` at `path`, making the objects on the way; a value of `...` takes the member away."""
    payload = copy.deepcopy(payload)
    *way, last = _steps(path)
    at = payload
    for step in way:
        at = at[step] if isinstance(at, list) else at.setdefault(step, {})
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return payload


def _types_of(schema):
    if "enum" in schema:
        return {{str: "string", int: "integer"}[type(value)] for value in schema["enum"]}
    kind = schema.get("type", list(_OF_TYPE))
    return {kind} if isinstance(kind, str) else set(kind)


def _wrong_types(schema):
    right = _types_of(schema)
    for kind, value in _OF_TYPE.items():
        if kind not in right and not (kind == "integer" and "number" in right):
            yield f"is-{kind}", value
    if right == {"integer"}:
        yield "is-huge", 2**63  # read as a real: no integer of 64 bits


def _out_of_range(schema):
    if "enum" in schema:
        yield "not-one-of", "no-such-word" if "string" in _types_of(schema) else 3
    if "minimum" in schema:
        yield "below", schema["minimum"] - 1
    if "maximum" in schema:
        yield "above", schema["maximum"] + 1
    if schema.get("minLength"):
        yield "empty", ""
    if "maxLength" in schema:
        yield "too-long", "x" * (schema["maxLength"] + 1)
    if "pattern" in schema:
        yield "not-of-the-pattern", "a b!"
    if schema.get("type") == "string":
        yield "with-nul", "a\0b"
    if "maxItems" in schema:
        yield "too-many", [{}] * (schema["maxItems"] + 1)


def bad(schema, good):
    """Every payload with one thing wrong."""
    yield from (Case("payload", how, value) for how, value in [("is-null", None), *_wrong_types(schema)])
    for path, member, is_required in members(schema):
        if is_required:
            yield Case(path, "missing", changed(good, path, ...))
            yield Case(path, "is-null", changed(good, path, None))
        for how, value in (*_wrong_types(member), *_out_of_range(member)):
            yield Case(path, how, changed(good, path, value))


def _edges(schema):
    yield from ((str(value), value) for value in schema.get("enum", ()))
    yield from ((how, schema[how]) for how in ("minimum", "maximum") if how in schema)
    yield from ((f"{how}-real", float(schema[how])) for how in ("minimum",) if how in schema)
    if "maxLength" in schema:
        yield "longest", "x" * schema["maxLength"]
    if schema.get("type") == "boolean":
        yield from (("true", True), ("false", False))


def good(schema, payload):
    """The payload itself, and with each member at the edges of what it may be; optional ones also null, and unknown ones."""
    yield Case("payload", "plain", payload)
    yield Case("payload", "with-an-unknown-member", changed(payload, "unknown", {"to": ["us"]}))
    for path, member, is_required in members(schema):
        for how, value in (*_edges(member), *(() if is_required else [("null", None)])):
            yield Case(path, how, changed(payload, path, value))
