"""Appends records to tenants' chains in PostgreSQL, or verifies those chains.

usage: tenants.py append URL COUNT TENANT...
       tenants.py verify URL TENANT...

Prints the number of records that each tenant's chain has, one line each.
"""

import asyncio
import sys

from qp_capsule import Capsule, CapsuleType, Seal
from qp_capsule.capsule import TriggerSection
from qp_capsule.chain import CapsuleChain
from qp_capsule.storage_pg import PostgresCapsuleStorage


async def append(url, count, *tenants):
    storage = PostgresCapsuleStorage(url)
    chain, seal = CapsuleChain(storage), Seal()
    for number in range(int(count)):
        for tenant in tenants:
            capsule = Capsule(
                type=CapsuleType.TOOL,
                trigger=TriggerSection(source="python.tenants", request=f"{tenant} {number}"),
            )
            for attempt in range(100):
                try:
                    await chain.seal_and_store(capsule, seal, tenant_id=tenant)
                    break
                except Exception:
                    if attempt == 99:
                        raise
    await storage.close()


async def verify(url, *tenants):
    storage = PostgresCapsuleStorage(url)
    chain, seal = CapsuleChain(storage), Seal()
    for tenant in tenants:
        result = await chain.verify(tenant_id=tenant, seal=seal)
        if not result.valid:
            sys.exit(f"{tenant}: {result}")
        print(result.capsules_verified)
    await storage.close()


mode = {"append": append, "verify": verify}[sys.argv[1]]
asyncio.run(mode(*sys.argv[2:]))
