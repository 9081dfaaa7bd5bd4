// Publishes events with NATS's own client: go run . FORM WORKFLOW_ID
//
// FORM is binary, structured, bare, traced or wait; `all` is one after the other. Each is a message to the workflow,
// which is started if it does not run (route `lab-chat` in routes/lab.yaml).
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/bufbuild/protocompile" // this and the protobuf packages are only to read outcomes
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

var forms = []string{"binary", "structured", "bare", "traced", "wait"}

type publisher struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	subject string
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 || !slices.Contains(append(forms, "all"), os.Args[1]) {
		log.Fatalf("usage: go run . FORM WORKFLOW_ID, where FORM is one of %q or all", forms)
	}
	nc := must(nats.Connect(cmp.Or(os.Getenv("NATS_URL"), nats.DefaultURL)))
	defer nc.Close()
	p := publisher{nc, must(jetstream.New(nc)), "events.lab.chat." + os.Args[2]}
	for i, publish := range []func(){p.binary, p.structured, p.bare, p.traced, p.wait} {
		if os.Args[1] == "all" || os.Args[1] == forms[i] {
			publish()
		}
	}
}

// A CloudEvent whose attributes are headers and whose data are the body.
func (p publisher) binary() {
	event := cloudEvent()
	headers := map[string]string{}
	for name, value := range event {
		headers["ce-"+name] = value.(string)
	}
	p.publish("binary", event["id"].(string), data("binary"), headers)
}

// A CloudEvent that is all body.
func (p publisher) structured() {
	event := cloudEvent()
	event["data"] = data("structured")
	headers := map[string]string{"content-type": "application/cloudevents+json"}
	p.publish("structured", event["id"].(string), event, headers)
}

// Just JSON. Its message id becomes the event's id, its subject the type.
func (p publisher) bare() {
	id := nuid.Next()
	p.publish("bare", id, data("bare"), nil)
	// If an acknowledgement is lost, send the same again: the same message id is stored once.
	p.publish("bare", id, data("bare"), nil)
}

// In a trace: what follows hangs on a span of the publisher's own.
func (p publisher) traced() {
	provider := tracerProvider()
	ctx, span := provider.Tracer("main.go").Start(context.Background(), "publish events.>",
		trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(
			attribute.String("messaging.system", "nats"),
			attribute.String("messaging.destination.name", p.subject)))
	headers := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, headers) // writes `traceparent`, by W3C Trace Context
	fmt.Println("traced:", headers["traceparent"])
	p.publish("traced", nuid.Next(), data("traced"), headers)
	span.End()
	check(provider.Shutdown(context.Background())) // sends the span
}

// Waits for what comes of it: one outcome for the matching, then one for each of its effects.
func (p publisher) wait() {
	inbox := p.nc.NewInbox()
	replies := must(p.nc.SubscribeSync(inbox))
	defer replies.Unsubscribe()
	p.publish("wait", nuid.Next(), data("wait"), map[string]string{"signalbox-reply-to": inbox})
	matched, wanted, done := false, []string{}, map[string]bool{}
	for !matched || slices.ContainsFunc(wanted, func(key string) bool { return !done[key] }) {
		outcome := readOutcome(must(replies.NextMsg(30 * time.Second)).Data)
		fmt.Println("wait:", outcome.Kind, outcome.WorkflowID, outcome.RunID, outcome.Detail)
		if outcome.EffectKey == "" {
			matched, wanted = true, outcome.EffectKeys
		} else if outcome.Kind != "OUTCOME_KIND_RETRYING" {
			done[outcome.EffectKey] = true
		}
	}
}

// Returns when JetStream has stored the message.
func (p publisher) publish(form, id string, body map[string]any, headers map[string]string) {
	message := nats.NewMsg(p.subject)
	message.Data = must(json.Marshal(body))
	for name, value := range headers {
		message.Header.Set(name, value)
	}
	// The option writes the header Nats-Msg-Id.
	ack := must(p.js.PublishMsg(context.Background(), message, jetstream.WithMsgID(id)))
	known := ""
	if ack.Duplicate {
		known = ", which was there already"
	}
	fmt.Printf("%s: event %s is message %d of %s%s\n", form, id, ack.Sequence, ack.Stream, known)
}

func cloudEvent() map[string]any {
	return map[string]any{
		"specversion": "1.0",
		// An id of your own, such as the order's, is better still: it is the same when all of this is done again.
		"id":              nuid.Next(),
		"source":          "/examples/publishers/go",
		"type":            "com.example.chat.message",
		"time":            time.Now().UTC().Format(time.RFC3339Nano),
		"datacontenttype": "application/json",
	}
}

func data(form string) map[string]any {
	return map[string]any{"message": form + " → Go"}
}

// Spans go where OTEL_EXPORTER_OTLP_ENDPOINT says, and nowhere if it says nothing.
func tracerProvider() *sdktrace.TracerProvider {
	service := attribute.String("service.name", "publisher")
	options := []sdktrace.TracerProviderOption{sdktrace.WithResource(resource.NewSchemaless(service))}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
		exporter := must(otlptracegrpc.New(context.Background()))
		options = append(options, sdktrace.WithBatcher(exporter))
	}
	return sdktrace.NewTracerProvider(options...)
}

type outcome struct {
	Kind, WorkflowID, RunID, Detail, EffectKey string
	EffectKeys                                 []string
}

// Compiles the contract while running; a build would do it with protoc-gen-go.
func readOutcome(payload []byte) (read outcome) {
	contract := &protocompile.SourceResolver{ImportPaths: []string{"../../../proto"}}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(contract)}
	files := must(compiler.Compile(context.Background(), "signalbox/v1/outcome.proto"))
	message := dynamicpb.NewMessage(files[0].Messages().ByName("Outcome"))
	check(proto.Unmarshal(payload, message))
	check(json.Unmarshal(must(protojson.Marshal(message)), &read))
	return read
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
