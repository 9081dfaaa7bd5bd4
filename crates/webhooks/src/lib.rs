//! One verifier a webhook provider. Pure.
