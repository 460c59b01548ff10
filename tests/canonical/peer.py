"""Answers with what the published package hashes.

Each line of standard input is [kind, document], the document being JSON text. The answer is a
line [canonical, sha3_256], or null when the document is refused.

kind "document": the text as the package reads it, apart from what the protocol leaves to readers
    and this project settles: duplicate keys, NaN and infinities are refused, and integers in
    float-typed fields are floats.
kind "capsule": a record, through the package's model.
"""

import json
import sys

from qp_capsule.capsule import Capsule
from qp_capsule.seal import compute_hash


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate key")
    return members


def refuse(word):
    raise ValueError(word)


def to_float(members, key):
    if type(members.get(key)) is int:
        members[key] = float(members[key])


def float_typed(document):
    reasoning = document.get("reasoning") if isinstance(document, dict) else None
    if not isinstance(reasoning, dict):
        return
    to_float(reasoning, "confidence")
    options = reasoning.get("options")
    for option in options if isinstance(options, list) else []:
        if isinstance(option, dict):
            to_float(option, "feasibility")


def answer(kind, text):
    try:
        content = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
        if kind == "capsule":
            content = Capsule.from_dict(content).to_dict()
        else:
            float_typed(content)
        canonical = json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return [canonical, compute_hash(content)]
    except (ValueError, OverflowError):
        return None


sys.stdin.reconfigure(encoding="utf-8")
for line in sys.stdin:
    print(json.dumps(answer(*json.loads(line))))
