# One image for the four services and the command line: `docker compose build`, or `docker build -t signalbox:local .`
# Needs nothing that only BuildKit has. The layer with the dependencies is kept until a manifest or Cargo.lock changes.

FROM rust:1.95-bookworm AS rust
WORKDIR /src

# The workspace without its code: manifests, and an empty stand-in for the root of every library, program, build script
# and benchmark. A new crate needs no line here. This stage runs for each change, but what it leaves rarely differs, and by that
# the layers of the next stage are found again.
FROM rust AS manifests
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock ! -name lib.rs ! -name main.rs ! -name build.rs ! -path '*/benches/*.rs' -delete \
 && find . -type f -name '*.rs' -exec sh -c 'for root; do echo "fn main() { }" > "$root"; done' sh {} + \
 && find . -type d -empty -delete

# Everything that others wrote.
FROM rust AS dependencies
COPY --from=manifests /src .
RUN cargo build --release --locked --package signalbox

# What is ours. Cargo goes by the time of change, and the stand-ins are younger than the code.
FROM dependencies AS build
COPY . .
RUN find . -path ./target -prune -o -type f -exec touch {} + \
 && cargo build --release --locked --package signalbox \
 && strip target/release/signalbox

FROM debian:bookworm-slim
WORKDIR /etc/signalbox
COPY --from=rust /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY routes routes
COPY --from=build /src/target/release/signalbox /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["signalbox"]
