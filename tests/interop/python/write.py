"""Writes records through the public interface, in the data directory of the environment.

usage: write.py sync COUNT | asyncio COUNT | rich
Prints how many records the store took.
"""

import asyncio
import sys

from qp_capsule import Capsule, Capsules, CapsuleType, Seal
from qp_capsule.capsule import ReasoningOption, ReasoningSection, ToolCall
from qp_capsule.keyring import Keyring

SESSION = "0b6e4b2e-8f5c-4a0e-9d55-7f0f6f4f8a01"


def sync(count):
    capsules = Capsules()

    @capsules.audit(type="tool", source="python.sync", domain="interop")
    def add(left, right):
        capsules.current().context.session_id = SESSION
        return {"sum": left + right, "text": "größer – 日本語 – 🦀"}

    @capsules.audit(type="agent")
    def fail(task):
        raise ValueError(f"cannot do {task}: ünmöglich")

    for number in range(count):
        if number % 5 == 4:
            try:
                fail("this")
            except ValueError:
                pass
        else:
            add(number, 0.1)
    return count


async def concurrently(count):
    capsules = Capsules()

    @capsules.audit(type="agent", tenant_from="tenant")
    async def work(task, *, tenant):
        capsule = capsules.current()
        capsule.reasoning.model = "model-1"
        capsule.reasoning.confidence = 0.75
        await asyncio.sleep(0)
        return task

    for number in range(count):
        await work(f"task {number}", tenant="acme")
    await capsules.close()
    return count


async def rich():
    """Records that break writers and readers of JSON, sealed with the keyring's fingerprints."""
    capsules = Capsules()
    seal = Seal(keyring=Keyring())
    records = [every_field(), considered_only(), numbers(), text()]
    for record in records:
        await capsules.chain.seal_and_store(record, seal=seal)
    await capsules.close()
    return len(records)


def every_field():
    capsule = Capsule(type=CapsuleType.WORKFLOW, domain="finance")
    capsule.trigger.type = "scheduled"
    capsule.trigger.request = "close the books"
    capsule.trigger.correlation_id = "c-1"
    capsule.trigger.user_id = "u-1"
    capsule.context.session_id = SESSION
    capsule.context.environment = {"region": "eu", "nested": {"b": [1, {"a": None}], "a": {}}}
    capsule.reasoning.options = [
        ReasoningOption(
            id="opt_0", description="now", pros=["fast"], feasibility=1.0, selected=True
        ),
        ReasoningOption(id="opt_1", description="later", risks=["late"], rejection_reason="late"),
    ]
    capsule.reasoning.options_considered = ["now", "later"]
    capsule.reasoning.selected_option = "opt_0"
    capsule.reasoning.confidence = 1
    capsule.authority.type = "escalated"
    capsule.authority.chain = [{"level": 1, "approver": "a"}, {"level": 2, "approver": "b"}]
    capsule.execution.tool_calls = [
        ToolCall(tool="sum", arguments={"values": [1, 2.5]}, result=3.5, success=True),
        ToolCall(tool="post", result=None, error="refused"),
    ]
    capsule.execution.resources_used = {"tokens": 1500, "cost": 0.0000001}
    capsule.outcome.status = "partial"
    capsule.outcome.side_effects = ["mail sent"]
    capsule.outcome.metrics = {"rate": 2.0}
    return capsule


def considered_only():
    capsule = Capsule(type=CapsuleType.CHAT)
    # Through the constructor, which derives the options; the package does not verify its own
    # records that name `options_considered` alone.
    capsule.reasoning = ReasoningSection(
        options_considered=["reply", "wait"], selected_option="reply"
    )
    return capsule


def numbers():
    capsule = Capsule(type=CapsuleType.SYSTEM)
    capsule.outcome.result = [
        0, -0.0, 1e-7, 0.0001, 1e15, 1e16, 1.5e300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2,
        2**53 + 1, 2**64, -(2**63) - 1, 10**40,
    ]
    return capsule


def text():
    capsule = Capsule(type=CapsuleType.VAULT)
    capsule.outcome.summary = "".join(chr(c) for c in range(0x20)) + '"\\/\x7f\u2028\ufffd\U0001f980'
    capsule.outcome.metrics = {"\U0001f980": 1, "\uffff": 2, "": 3, "é": 4, "e\u0301": 5}
    return capsule


def main():
    mode, *rest = sys.argv[1:]
    if mode == "sync":
        print(sync(int(rest[0])))
    elif mode == "asyncio":
        print(asyncio.run(concurrently(int(rest[0]))))
    else:
        print(asyncio.run(rich()))


main()
