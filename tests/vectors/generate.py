"""Writes canonical.json: documents, and what the published Python package makes of them.

    pip install qp-capsule==1.5.4
    python tests/vectors/generate.py > tests/vectors/canonical.json

`documents` holds any JSON: `canonical` is the text that `qp_capsule.seal.compute_hash` hashes.
`capsules` holds whole records, which go through the package's model before they are hashed.
"""

import json
import sys

from qp_capsule.capsule import Capsule
from qp_capsule.seal import compute_hash


def canonical(content):
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def vector(name, document, content):
    return {
        "name": name,
        "document": document,
        "canonical": canonical(content),
        "sha3_256": compute_hash(content),
    }


def documents():
    """Names and JSON texts."""
    yield "null", "null"
    yield "true", " true "
    yield "false", "\tfalse\n"
    yield "empty containers", '{"a": {}, "b": [], "c": [[], {}, [[]], [{}]], "d": ""}'
    yield "white space of every kind", ' {\t"b"\r\n: [ 1 ,\t2 ] ,\n"a" : { } }\r\n'
    yield "nulls and booleans as members", '[null, true, false, {"null": null, "true": false}]'

    # Floats at the borders between the notations.
    for text in [
        "0.0", "-0.0", "0e0", "0E-7", "-0e5", "0.1", "0.95", "1.0", "1.50", "100.0", "1e0", "1E2",
        "1e+2", "12345.678e-2", "0.30000000000000004",
        "0.001", "0.0001", "0.00010000000000000002", "0.00009999999999999999", "0.00001", "1e-4",
        "1e-5", "1e-7", "1.5e-10", "123e-7",
        "1e15", "1e16", "1e17", "999999999999999.9", "9999999999999998.0", "9999999999999999.0",
        "12345678901234567.0", "1e21", "1e22", "1e23", "1.5e300", "-1e100",
    ]:
        yield f"float {text}", text
    yield "float, the smallest subnormal", "5e-324"
    yield "float, half the smallest subnormal", "2.4703282292062327e-324"
    yield "float, subnormals", "[1e-323, 2.225073858507201e-308, 1.1125369292536007e-308, 4e-320]"
    yield "float, the smallest normal", "2.2250738585072014e-308"
    yield "float, the largest", "1.7976931348623157e308"
    yield "float, the largest after rounding", "1.7976931348623158e308"
    yield "float, too small to tell from zero", "[1e-400, -1e-400]"
    yield "float, more digits than count", "0." + "1234567890" * 10
    yield "float, an exponent with zeros", "[1e0007, 1E+005, 1e-0007]"
    yield "float, halfway between two doubles", "[9007199254740993.0, 9007199254740995.0]"
    yield "float, two shortest texts equally near", (
        "[1.00000762939453125, 1.30197906494140625, 2.98023223876953125e-8, 9007199254740994.5]"
    )
    yield "float, powers of two", "[%s]" % ", ".join(
        repr(2.0**power) for power in range(-1074, 1024, 23)
    )
    yield "float, powers of ten and their neighbours", "[%s]" % ", ".join(
        f"{digits}e{power}" for power in range(-8, 24) for digits in ("9.999999999999999", "1", "1.0000000000000002")
    )

    # Integers of any size.
    yield "integer, zeros", "[0, -0]"
    yield "integers around 2^53", "[%s]" % ", ".join(str(2**53 + n) for n in (-1, 0, 1, 2))
    yield "negative integers around 2^53", "[%s]" % ", ".join(str(-(2**53) + n) for n in (-2, -1, 0, 1))
    yield "integers around 2^63", "[%s]" % ", ".join(str(s * 2**63 + n) for s in (-1, 1) for n in (-1, 0, 1))
    yield "integers around 2^64", "[%s]" % ", ".join(str(2**64 + n) for n in (-1, 0, 1))
    yield "integers of 30 digits", "[123456789012345678901234567890, -999999999999999999999999999999]"
    yield "an integer of 400 digits", "7" * 400
    yield "integers beside equal floats", '{"a": 1, "b": 1.0, "c": 1e0, "d": 10, "e": 1e1}'

    # Strings.
    yield "every control character, escaped", json.dumps("".join(map(chr, range(0x20))))
    yield "every control character, as \\u", '"%s"' % "".join(f"\\u{n:04X}" for n in range(0x20))
    yield "every other ASCII character", json.dumps("".join(map(chr, range(0x20, 0x80))))
    yield "delete and the C1 controls, literal", '"%s"' % "".join(map(chr, range(0x7F, 0xA0)))
    yield "delete and the C1 controls, escaped", json.dumps("".join(map(chr, range(0x7F, 0xA0))))
    yield "escapes that need not be", r'"\/ \u0041 \u00e9 \u20AC \u20ac \u007f"'
    yield "quotes and backslashes", r'"\" \\ \\\" \\\\ \u0022 \u005C"'
    yield "backslashes before an n", r'["\\n", "\\\n", "\\\\n", "\\u0041"]'
    yield "line and paragraph separators", '"\u2028\u2029 \\u2028\\u2029"'
    yield "surrogate pairs", r'"\ud83d\ude00 \uD800\uDC00 \udbff\udfff 😀"'
    yield "the ends of the planes", '"\ud7ff\ue000\ufffd\ufffe\uffff\U00010000\U0010ffff"'
    yield "a byte order mark inside a string", '"\ufeff\\ufeff"'
    yield "combining and bidirectional marks", '"e\u0301 \u00e9 \u202eabc\u202c \u200d\u200b"'
    yield "scripts", '"Ελληνικά Русский 日本語 한국어 العربية हिन्दी"'
    for length in (7, 8, 9, 15, 16, 17, 31, 32, 33):
        yield f"an escape after {length} bytes", json.dumps("x" * length + '"' + "y" * length)

    # Keys.
    yield "keys, upper case before lower", '{"b": 1, "a": 2, "B": 3, "A": 4, "_": 5, "0": 6, "~": 7}'
    yield "keys, the empty one and prefixes", '{"ab": 1, "a": 2, "": 3, "abc": 4, "aa": 5}'
    yield "keys, digits as text", '{"10": 1, "9": 2, "1": 3, "-1": 4, "01": 5}'
    yield "keys, astral against U+FFFF", '{"\U0001f600": 1, "\uffff": 2, "\ue000": 3, "\U00010000": 4, "\ud7ff": 5}'
    yield "keys, astral as escapes", r'{"\ud83d\ude00": 1, "\uffff": 2, "\ufb01": 3, "\ud800\udc00x": 4, "\ud800\udc00": 5}'
    yield "keys, control characters", r'{"A": 1, "\n": 2, "\u0000": 3, "\u001f": 4, "\t": 5, " ": 6, "": 7}'
    yield "keys, quotes and backslashes", r'{"\\": 1, "\"": 2, "!": 3, "#": 4, "[": 5, "]": 6, "\"\"": 7, "\\n": 8, "\n": 9}'
    yield "keys, escapes behind a common start", r'{"a\nb": 1, "a\tb": 2, "aAb": 3, "a\\b": 4, "a": 5, "a\n": 6, "ab": 7}'
    yield "keys, composed and decomposed", '{"e\u0301": 1, "\u00e9": 2, "e": 3, "f": 4}'
    yield "keys, already sorted", '{"a":1,"b":{"c":2,"d":3},"e":[]}'
    yield "keys, in reverse", "{%s}" % ", ".join(f'"k{n:03}": {n}' for n in reversed(range(64)))
    yield "keys that look like syntax", '{"}": "{", "{": "}", ",": ":", ":": ",", "[": "]", "]": "["}'
    yield "keys of the seal", '{"signature": "s", "hash": "h", "content": {"signed_by": 1, "hash": 2}}'

    # Nesting.
    yield "nesting, arrays", "[" * 100 + "]" * 100
    yield "nesting, objects", '{"a":' * 100 + "{}" + "}" * 100
    yield "nesting, unsorted members on the way down", '{"b": ' * 50 + "0" + ', "a": 1}' * 50
    yield "nesting, unsorted members on the way up", '{"z": [1], "y": ' * 50 + "0" + "}" * 50
    yield "nesting, arrays of unsorted objects", '[{"b": [{"d": 1, "c": 2}, {"d": 3, "c": 4}], "a": [{"f": 5, "e": 6}]}, {"h": 7, "g": 8}]'

    # What records carry.
    yield "times", json.dumps({
        "utc": "2026-01-15T12:00:00+00:00",
        "microseconds": "2026-01-15T12:00:00.000001+00:00",
        "milliseconds": "2026-01-15T12:00:00.123000+00:00",
        "offset": "2026-01-15T13:30:00.500000+01:30",
        "negative offset": "2026-01-15T04:00:00-08:00",
        "zulu": "2026-01-15T12:00:00Z",
    })
    yield "ASCII escapes as json.dumps writes them", json.dumps({"é": "ü", "日": "😀", "a": "\u2028"})
    yield "floats outside the float-typed places", (
        '{"confidence": 1, "options": [{"feasibility": 1}], "reasoning": {"nested": {"confidence": 1},'
        ' "options_considered": [{"feasibility": 1}], "feasibility": 0}}'
    )
    yield "unknown keys beside known ones", (
        '{"type": "agent", "x-injected": {"b": 1, "a": [1.0, 1]}, "id": "x", "reasoning":'
        ' {"unknown": 0, "confidence": 0.5, "options": [{"feasibility": 0.5, "unknown": 1e2}]}}'
    )


def capsules():
    """Names and records."""
    yield "least", record()
    yield "time with microseconds", record(trigger={"timestamp": "2026-01-15T12:00:00.000001+00:00"})
    yield "time with milliseconds", record(trigger={"timestamp": "2026-12-31T23:59:59.120000+00:00"})
    yield "time long ago", record(trigger={"timestamp": "0001-01-01T00:00:00+00:00"})
    yield "time far ahead", record(trigger={"timestamp": "9999-12-30T21:59:59.999999+00:00"})
    yield "confidences", record(reasoning={"confidence": 1e-05})
    yield "feasibility given as integers", record(
        reasoning={
            "options": [
                {"id": "opt_0", "description": "act", "feasibility": 1, "selected": True},
                {"id": "opt_1", "description": "wait", "feasibility": 0, "rejection_reason": "late"},
            ],
            "selected_option": "opt_0",
            "confidence": 1.0,
        }
    )
    yield "options rebuilt from options_considered", record(
        reasoning={"options_considered": ["wait", "act", "act"], "selected_option": "act"}
    )
    yield "options_considered that disagree with the options", record(
        reasoning={
            "options": [{"id": "a", "description": "one", "pros": ["p"], "cons": [], "risks": ["r"]}],
            "options_considered": ["two", "three"],
        }
    )
    yield "free-form values", record(
        context={"environment": {"😀": [1, 2.0, 1e-7, True, None], "\uffff": {"b": {}, "a": []}}},
        outcome={"result": {"text": 'a "quoted"\n\tline\u0000', "n": -9223372036854775808}},
        execution={
            "tool_calls": [
                {"tool": "t", "arguments": {"z": 1, "a": 1.5}, "result": [{}], "success": True},
                {"tool": "u", "result": 18446744073709551615, "error": "no"},
            ],
            "resources_used": {"tokens": 1500, "cost": 1e16},
        },
    )
    yield "types and statuses without a name", record(
        trigger={"type": "webhook"}, authority={"type": "board", "chain": [{"b": 1, "a": 2}]},
        outcome={"status": "skipped"},
    )
    yield "linked", record(
        sequence=2**53 + 1, previous_hash="ab" * 32, parent_id="00000000-0000-4000-8000-000000000001"
    )


def record(**fields):
    content = {
        "id": "a1b2c3d4-e5f6-4890-abcd-ef1234567890",
        "type": "agent",
        **fields,
    }
    content["trigger"] = {"timestamp": "2026-01-15T12:00:00+00:00", **fields.get("trigger", {})}
    return content


def main():
    vectors = {
        "documents": [vector(name, text, json.loads(text)) for name, text in documents()],
        "capsules": [
            vector(name, json.dumps(content), Capsule.from_dict(content).to_dict())
            for name, content in capsules()
        ],
    }
    json.dump(vectors, sys.stdout, indent=1)
    print()


main()
