"""A worker of the chaos suite, for updates: it comes back by itself, whatever becomes of Temporal."""

import asyncio
import os
import sys

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker


@workflow.defn
class Tally:
    def __init__(self) -> None:
        self.marks: list[str] = []

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    def count(self, mark: str) -> int:
        self.marks.append(mark)
        return len(self.marks)

    @workflow.signal
    def note(self, mark: str) -> None:
        self.marks.append(mark)


async def main() -> None:
    while True:
        try:
            client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
            await Worker(client, task_queue="chaos", workflows=[Tally]).run()
        except Exception as error:
            print(f"not connected: {error}", file=sys.stderr)
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
