"""Answers requests with the FastAPI integration of the Python package.

Usage: answers.py STORE < [targets] > [[status, body], ...]
"""

import asyncio
import json
import sys
from urllib.parse import urlsplit

from fastapi import FastAPI
from qp_capsule import Capsules
from qp_capsule.integrations.fastapi import mount_capsules


async def ask(app, target):
    """One GET request over ASGI, without a server."""
    url = urlsplit(target)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }
    status, body = None, b""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        elif message["type"] == "http.response.body":
            body += message.get("body", b"")

    await app(scope, receive, send)
    return [status, json.loads(body)]


async def main():
    capsules = Capsules(sys.argv[1])
    app = FastAPI()
    mount_capsules(app, capsules)
    answers = [await ask(app, target) for target in json.load(sys.stdin)]
    await capsules.close()
    json.dump(answers, sys.stdout)


asyncio.run(main())
