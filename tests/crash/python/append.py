"""Appends records while other programs write, until standard input ends, and one at least. Each is
tried until it is kept. Prints `ready`, and at the end how many there are and how many attempts failed."""

import asyncio
import sys
import threading

from qp_capsule import Capsules


async def main():
    capsules = Capsules()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    kept = failed = 0

    @capsules.audit(type="tool", source="python.append", swallow_errors=False)
    async def append(number):
        return number

    print("ready", flush=True)
    while not ended.is_set() or kept == 0:
        try:
            await append(kept)
            kept += 1
        except Exception:
            # The package gives up after a few lost races, and the record is not stored.
            failed += 1
    await capsules.close()
    print(kept, failed)


asyncio.run(main())
