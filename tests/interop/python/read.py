"""Prints the content of every record of a database as the package understands it, in order.

usage: read.py DATABASE
"""

import asyncio
import json
import sys
from pathlib import Path

from qp_capsule.storage import CapsuleStorage


async def main(path):
    storage = CapsuleStorage(Path(path))
    print(json.dumps([capsule.to_dict() for capsule in await storage.get_all_ordered()]))
    await storage.close()


asyncio.run(main(sys.argv[1]))
