"""The lab's worker in Python, with Temporal's own SDK and nothing of Signalbox's.

Where OTEL_EXPORTER_OTLP_ENDPOINT names a collector, Temporal's own interceptor traces it.
"""

import asyncio
import os
from datetime import timedelta

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker


@workflow.defn
class CronWorkflow:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.stopped = False

    @workflow.run
    async def run(self, task_name: str) -> dict:
        try:
            await workflow.wait_condition(
                lambda: self.stopped or len(self.messages) >= 5,
                timeout=timedelta(seconds=30),
            )
        except asyncio.TimeoutError:
            pass
        return {
            "task": task_name,
            "messages_processed": len(self.messages),
            "messages": self.messages,
            "completed_at": workflow.now().isoformat(),
            "worker": "python",
        }

    @workflow.signal
    def add_message(self, message: str) -> None:
        self.messages.append(message)

    @workflow.signal
    def stop_processing(self) -> None:
        self.stopped = True

    @workflow.update
    def add(self, message: str) -> int:
        if len(message) > 100:
            raise ApplicationError("no message is that long")
        self.messages.append(message)
        return len(self.messages)

    @add.validator
    def check(self, message: str) -> None:
        if not message:
            raise ValueError("an empty message is none")

    @workflow.update
    async def gather(self, count: int) -> list[str]:
        await workflow.wait_condition(lambda: len(self.messages) >= count)
        return self.messages

    @workflow.query
    def waiting_for(self) -> dict:
        return {"messages_to_come": 5 - len(self.messages)}


def tracing() -> list[TracingInterceptor]:
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return []
    provider = TracerProvider(resource=Resource.create({"service.name": "python-worker"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return [TracingInterceptor(provider.get_tracer("worker"))]


async def main() -> None:
    address = os.environ.get("TEMPORAL_ADDRESS", "localhost:7233")
    client = await Client.connect(address, interceptors=tracing())
    await Worker(client, task_queue="lab6-queue", workflows=[CronWorkflow]).run()


if __name__ == "__main__":
    asyncio.run(main())
