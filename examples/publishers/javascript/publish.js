// Publishes events with NATS's own client: node publish.js FORM WORKFLOW_ID
//
// FORM is binary, structured, bare, traced or wait; `all` is one after the other. Each is a message to the workflow,
// which is started if it does not run (route `lab-chat` in routes/lab.yaml).

import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { connect, createInbox, headers } from "nats";
import protobuf from "protobufjs"; // only to read outcomes

const forms = { binary, structured, bare, traced, wait };
const [form, workflowId] = process.argv.slice(2);
if (!workflowId || !(form === "all" || Object.hasOwn(forms, form))) {
  console.error(`usage: publish.js ${Object.keys(forms).join("|")}|all WORKFLOW_ID`);
  process.exit(1);
}

const nc = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222" });
const js = nc.jetstream();
const subject = `events.lab.chat.${workflowId}`;
try {
  for (const publishForm of form === "all" ? Object.values(forms) : [forms[form]]) await publishForm();
} finally {
  await nc.close();
}

/** A CloudEvent whose attributes are headers and whose data are the body. */
async function binary() {
  const event = cloudEvent();
  const attributes = Object.entries(event).map(([name, value]) => [`ce-${name}`, value]);
  await publish("binary", event.id, data("binary"), Object.fromEntries(attributes));
}

/** A CloudEvent that is all body. */
async function structured() {
  const event = cloudEvent();
  const extra = { "content-type": "application/cloudevents+json" };
  await publish("structured", event.id, { ...event, data: data("structured") }, extra);
}

/** Just JSON. Its message id becomes the event's id, its subject the type. */
async function bare() {
  const id = randomUUID();
  await publish("bare", id, data("bare"));
  // If an acknowledgement is lost, send the same again: the same message id is stored once.
  await publish("bare", id, data("bare"));
}

/** In a trace: what follows hangs on a span of the publisher's own. */
async function traced() {
  const provider = tracerProvider();
  const attributes = { "messaging.system": "nats", "messaging.destination.name": subject };
  const span = provider
    .getTracer("publish.js")
    .startSpan("publish events.>", { kind: SpanKind.PRODUCER, attributes });
  const extra = {};
  propagation.inject(trace.setSpan(context.active(), span), extra); // writes `traceparent`, by W3C Trace Context
  console.log("traced:", extra.traceparent);
  await publish("traced", randomUUID(), data("traced"), extra);
  span.end();
  await provider.shutdown(); // sends the span
}

/** Waits for what comes of it: one outcome for the matching, then one for each of its effects. */
async function wait() {
  const { Outcome, OutcomeKind } = outcomeProtos();
  const inbox = createInbox();
  const replies = nc.subscribe(inbox, { timeout: 30_000 });
  await publish("wait", randomUUID(), data("wait"), { "signalbox-reply-to": inbox });
  let wanted;
  const done = new Set();
  for await (const reply of replies) {
    const outcome = Outcome.decode(reply.data);
    const kind = OutcomeKind[outcome.kind];
    console.log("wait:", kind, outcome.workflowId, outcome.runId, outcome.detail);
    if (!outcome.effectKey) wanted = outcome.effectKeys;
    else if (kind !== "OUTCOME_KIND_RETRYING") done.add(outcome.effectKey);
    if (wanted?.every((key) => done.has(key))) break;
  }
}

/** Resolves when JetStream has stored the message. */
async function publish(form, id, body, extra = {}) {
  const all = headers();
  for (const [name, value] of Object.entries(extra)) all.set(name, value);
  // `msgID` becomes the header Nats-Msg-Id.
  const ack = await js.publish(subject, JSON.stringify(body), { msgID: id, headers: all });
  const known = ack.duplicate ? ", which was there already" : "";
  console.log(`${form}: event ${id} is message ${ack.seq} of ${ack.stream}${known}`);
}

function cloudEvent() {
  return {
    specversion: "1.0",
    // An id of your own, such as the order's, is better still: it is the same when all of this is done again.
    id: randomUUID(),
    source: "/examples/publishers/javascript",
    type: "com.example.chat.message",
    time: new Date().toISOString(),
    datacontenttype: "application/json",
  };
}

function data(form) {
  return { message: `${form} → JavaScript` };
}

/** Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere if it says nothing. */
function tracerProvider() {
  const resource = resourceFromAttributes({ "service.name": "publisher" });
  const collected = process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const spanProcessors = collected ? [new BatchSpanProcessor(new OTLPTraceExporter())] : [];
  const provider = new NodeTracerProvider({ resource, spanProcessors });
  provider.register(); // and its propagator
  return provider;
}

/** Reads the contract while running; a build would do it with `pbjs`. */
function outcomeProtos() {
  const root = new protobuf.Root();
  root.resolvePath = (_, file) => fileURLToPath(new URL(`../../../proto/${file}`, import.meta.url));
  root.loadSync("signalbox/v1/outcome.proto");
  const kinds = root.lookupEnum("signalbox.v1.OutcomeKind");
  return { Outcome: root.lookupType("signalbox.v1.Outcome"), OutcomeKind: kinds.valuesById };
}
