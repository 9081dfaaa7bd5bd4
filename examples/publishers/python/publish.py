"""Publishes events with NATS's own client: python3 publish.py FORM WORKFLOW_ID

FORM is binary, structured, bare, traced or wait; `all` is one after the other. Each is a message to the workflow,
which is started if it does not run (route `lab-chat` in routes/lab.yaml).
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

import nats
from opentelemetry import propagate
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

PROTO = Path(__file__).resolve().parents[3] / "proto"


class Publisher:
    def __init__(self, nc, workflow_id):
        self.nc = nc
        self.js = nc.jetstream()
        self.subject = f"events.lab.chat.{workflow_id}"

    async def binary(self):
        """A CloudEvent whose attributes are headers and whose data are the body."""
        event_id, attributes = cloud_event()
        headers = {f"ce-{name}": value for name, value in attributes.items()}
        await self.publish("binary", event_id, data("binary"), headers)

    async def structured(self):
        """A CloudEvent that is all body."""
        event_id, attributes = cloud_event()
        headers = {"content-type": "application/cloudevents+json"}
        await self.publish("structured", event_id, {**attributes, "data": data("structured")}, headers)

    async def bare(self):
        """Just JSON. Its message id becomes the event's id, its subject the type."""
        event_id = str(uuid.uuid4())
        await self.publish("bare", event_id, data("bare"))
        # If an acknowledgement is lost, send the same again: the same message id is stored once.
        await self.publish("bare", event_id, data("bare"))

    async def traced(self):
        """In a trace: what follows hangs on a span of the publisher's own."""
        provider = tracer_provider()
        tracer = provider.get_tracer("publish.py")
        attributes = {"messaging.system": "nats", "messaging.destination.name": self.subject}
        with tracer.start_as_current_span("publish events.>", kind=SpanKind.PRODUCER, attributes=attributes):
            headers = {}
            propagate.inject(headers)  # writes `traceparent`, by W3C Trace Context
            print("traced:", headers["traceparent"])
            await self.publish("traced", str(uuid.uuid4()), data("traced"), headers)
        provider.shutdown()  # sends the span

    async def wait(self):
        """Waits for what comes of it: one outcome for the matching, then one for each of its effects."""
        protos = outcome_protos()
        inbox = self.nc.new_inbox()
        replies = await self.nc.subscribe(inbox)
        await self.publish("wait", str(uuid.uuid4()), data("wait"), {"signalbox-reply-to": inbox})
        wanted, done = None, set()
        while wanted is None or not wanted <= done:
            outcome = protos.Outcome.FromString((await replies.next_msg(timeout=30)).data)
            kind = protos.OutcomeKind.Name(outcome.kind)
            print("wait:", kind, outcome.workflow_id, outcome.run_id, outcome.detail)
            if not outcome.effect_key:
                wanted = set(outcome.effect_keys)
            elif outcome.kind != protos.OUTCOME_KIND_RETRYING:
                done.add(outcome.effect_key)
        await replies.unsubscribe()

    async def publish(self, form, event_id, body, headers=None):
        """Returns when JetStream has stored the message."""
        headers = {"Nats-Msg-Id": event_id, **(headers or {})}
        ack = await self.js.publish(self.subject, json.dumps(body).encode(), headers=headers)
        known = ", which was there already" if ack.duplicate else ""
        print(f"{form}: event {event_id} is message {ack.seq} of {ack.stream}{known}")


def cloud_event():
    # An id of your own, such as the order's, is better still: it is the same when all of this is done again.
    event_id = str(uuid.uuid4())
    return event_id, {
        "specversion": "1.0",
        "id": event_id,
        "source": "/examples/publishers/python",
        "type": "com.example.chat.message",
        "time": datetime.now(timezone.utc).isoformat(),
        "datacontenttype": "application/json",
    }


def data(form):
    return {"message": f"{form} → Python"}


def tracer_provider():
    """Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere if it says nothing."""
    provider = TracerProvider(resource=Resource.create({"service.name": "publisher"}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def outcome_protos():
    """Compiles the contract while running; a build would do it with `python3 -m grpc_tools.protoc`."""
    import grpc

    sys.path.append(str(PROTO))
    return grpc.protos("signalbox/v1/outcome.proto")


async def main():
    forms = ["binary", "structured", "bare", "traced", "wait"]
    if len(sys.argv) != 3 or sys.argv[1] not in [*forms, "all"]:
        sys.exit(f"usage: publish.py {'|'.join(forms)}|all WORKFLOW_ID")
    async with await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222")) as nc:
        publisher = Publisher(nc, sys.argv[2])
        for form in forms if sys.argv[1] == "all" else [sys.argv[1]]:
            await getattr(publisher, form)()


asyncio.run(main())
