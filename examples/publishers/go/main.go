// Publishes events with NATS's own client: go run . FORM WORKFLOW_ID
//
// FORM is binary, structured, bare, traced or wait; `all` is one after the other. Each is a message to the workflow,
// which is started if it does not run (route `lab-chat` in routes/lab.yaml).
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"time"

	"github.com/bufbuild/protocompile"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
)

const usage = "usage: go run . binary|structured|bare|traced|wait|all WORKFLOW_ID"

type publisher struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	subject string
}

// A CloudEvent whose attributes are headers and whose data are the body.
func (p publisher) binary(ctx context.Context) error {
	event := cloudEvent()
	headers := map[string]string{"content-type": "application/json"}
	for name, value := range event {
		headers["ce-"+name] = value
	}
	return p.publish(ctx, "binary", event["id"], data("binary"), headers)
}

// A CloudEvent that is all body.
func (p publisher) structured(ctx context.Context) error {
	event := cloudEvent()
	body := map[string]any{"data": data("structured")}
	for name, value := range event {
		body[name] = value
	}
	headers := map[string]string{"content-type": "application/cloudevents+json"}
	return p.publish(ctx, "structured", event["id"], body, headers)
}

// Just JSON. Its message id becomes the event's id, its subject the type.
func (p publisher) bare(ctx context.Context) error {
	id := uuid.NewString()
	if err := p.publish(ctx, "bare", id, data("bare"), nil); err != nil {
		return err
	}
	// If an acknowledgement is lost, send the same again: the same message id is stored once.
	return p.publish(ctx, "bare", id, data("bare"), nil)
}

// In a trace, by W3C Trace Context. With OpenTelemetry, its propagator writes this header.
func (p publisher) traced(ctx context.Context) error {
	var id [24]byte
	rand.Read(id[:])
	traceparent := fmt.Sprintf("00-%x-%x-01", id[:16], id[16:])
	fmt.Println("traced:", traceparent)
	return p.publish(ctx, "traced", uuid.NewString(), data("traced"), map[string]string{"traceparent": traceparent})
}

// Waits for what comes of it: one outcome for the matching, then one for each of its effects.
func (p publisher) wait(ctx context.Context) error {
	inbox := p.nc.NewInbox()
	replies, err := p.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer replies.Unsubscribe()
	headers := map[string]string{"signalbox-reply-to": inbox}
	if err := p.publish(ctx, "wait", uuid.NewString(), data("wait"), headers); err != nil {
		return err
	}
	matched, wanted, done := false, []string(nil), map[string]bool{}
	for !matched || slices.ContainsFunc(wanted, func(key string) bool { return !done[key] }) {
		reply, err := replies.NextMsg(30 * time.Second)
		if err != nil {
			return err
		}
		outcome, err := readOutcome(ctx, reply.Data)
		if err != nil {
			return err
		}
		fmt.Println("wait:", outcome.Kind, outcome.WorkflowID, outcome.RunID, outcome.Detail)
		if outcome.EffectKey == "" {
			matched, wanted = true, outcome.EffectKeys
		} else if outcome.Kind != "OUTCOME_KIND_RETRYING" {
			done[outcome.EffectKey] = true
		}
	}
	return nil
}

// Returns when JetStream has stored the message.
func (p publisher) publish(ctx context.Context, form, id string, body any, headers map[string]string) error {
	payload, err := json.Marshal(body)
	if err != nil {
		return err
	}
	message := &nats.Msg{Subject: p.subject, Data: payload, Header: nats.Header{}}
	for name, value := range headers {
		message.Header.Set(name, value)
	}
	// The message id becomes the header Nats-Msg-Id.
	ack, err := p.js.PublishMsg(ctx, message, jetstream.WithMsgID(id))
	if err != nil {
		return err
	}
	known := ""
	if ack.Duplicate {
		known = ", which was there already"
	}
	fmt.Printf("%s: event %s is message %d of %s%s\n", form, id, ack.Sequence, ack.Stream, known)
	return nil
}

func cloudEvent() map[string]string {
	return map[string]string{
		"specversion": "1.0",
		// An id of your own, such as the order's, is better still: it is the same when all of this is done again.
		"id":     uuid.NewString(),
		"source": "/examples/publishers/go",
		"type":   "com.example.chat.message",
		"time":   time.Now().UTC().Format(time.RFC3339Nano),
	}
}

func data(form string) map[string]string {
	return map[string]string{"message": form + " → Go"}
}

type outcome struct {
	Kind, WorkflowID, RunID, Detail, EffectKey string
	EffectKeys                                 []string
}

// Compiles the contract while running; a build would do it with protoc-gen-go.
func readOutcome(ctx context.Context, payload []byte) (read outcome, err error) {
	contract := &protocompile.SourceResolver{ImportPaths: []string{"../../../proto"}}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(contract)}
	files, err := compiler.Compile(ctx, "signalbox/v1/outcome.proto")
	if err != nil {
		return read, err
	}
	message := dynamicpb.NewMessage(files[0].Messages().ByName("Outcome"))
	if err := proto.Unmarshal(payload, message); err != nil {
		return read, err
	}
	asJSON, err := protojson.Marshal(message)
	if err != nil {
		return read, err
	}
	return read, json.Unmarshal(asJSON, &read)
}

func run(form, workflowID string) error {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	p := publisher{nc, js, "events.lab.chat." + workflowID}
	known := false
	for _, each := range []struct {
		name    string
		publish func(context.Context) error
	}{{"binary", p.binary}, {"structured", p.structured}, {"bare", p.bare}, {"traced", p.traced}, {"wait", p.wait}} {
		if form != each.name && form != "all" {
			continue
		}
		known = true
		if err := each.publish(context.Background()); err != nil {
			return fmt.Errorf("%s: %w", each.name, err)
		}
	}
	if !known {
		return errors.New(usage)
	}
	return nil
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal(usage)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}
