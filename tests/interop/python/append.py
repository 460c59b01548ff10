"""Appends COUNT records in one asyncio loop while other programs write, and prints how many it kept.

usage: append.py COUNT
"""

import asyncio
import sys

from qp_capsule import Capsules


async def main(count):
    capsules = Capsules()
    kept = 0

    @capsules.audit(type="tool", source="python.append", swallow_errors=False)
    async def append(number):
        return number

    print("ready", flush=True)
    for number in range(count):
        try:
            await append(number)
            kept += 1
        except Exception as error:
            # The package gives up after a few lost races; it says so, and the record is lost.
            print(f"lost {number}: {type(error).__name__}", file=sys.stderr)
    await capsules.close()
    print(kept)


asyncio.run(main(int(sys.argv[1])))
