//! NATS: streams, publish, consume, settle, ledger, KV, request-reply.
