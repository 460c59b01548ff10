"""Appends records with many tasks, each for one of the tenants, and prints how many were stored a
second and how many were given up.

usage: append.py URL COUNT TASKS TENANTS
"""

import asyncio
import logging
import sys
import time

from qp_capsule import Capsule, CapsuleType, Seal
from qp_capsule.capsule import ReasoningSection, TriggerSection
from qp_capsule.chain import CapsuleChain
from qp_capsule.storage_pg import PostgresCapsuleStorage

ANALYSIS = "The question needs the current figures, so the two reports were compared. " * 4


async def main(url, count, tasks, tenants):
    logging.disable(logging.CRITICAL)
    storage = PostgresCapsuleStorage(url)
    chain, seal = CapsuleChain(storage), Seal()
    lost = 0

    async def append(tenant, number):
        nonlocal lost
        capsule = Capsule(
            type=CapsuleType.AGENT,
            trigger=TriggerSection(source="bench", request=f"compare the reports {number}"),
            reasoning=ReasoningSection(analysis=ANALYSIS),
        )
        try:
            await chain.seal_and_store(capsule, seal, tenant_id=tenant)
        except Exception:
            lost += 1

    async def task(number):
        for call in range(count // tasks):
            await append(f"tenant-{number % tenants}", call)

    await append("warm-up", 0)
    start = time.perf_counter()
    await asyncio.gather(*(task(number) for number in range(tasks)))
    elapsed = time.perf_counter() - start
    print((count // tasks * tasks - lost) / elapsed, lost)
    await storage.close()


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
