# Builds forebay from source, and puts it alone into a small image.
#
#   docker build -t forebay .
#   docker run -p 4317:4317 -p 4318:4318 -v forebay-data:/data -e FOREBAY_UPLOAD_TO=s3://my-bucket/telemetry forebay
#
# A configuration file is mounted where FOREBAY_CONFIG says:
#   docker run ... -v ./forebay.yaml:/etc/forebay.yaml:ro -e FOREBAY_CONFIG=/etc/forebay.yaml forebay

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# It has the C compiler that zstd and ring want, and not the make that jemalloc wants besides.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
COPY Cargo.toml Cargo.lock ./
COPY src ./src
# Cargo wants to find every target and every package that its manifest names.
COPY chaos/main.rs chaos/main.rs
COPY benches/packing/main.rs benches/packing/main.rs
COPY benches/floor/main.rs benches/floor/main.rs
COPY benches/stages/main.rs benches/stages/main.rs
COPY benches/instructions/Cargo.toml benches/instructions/main.rs benches/instructions/
RUN cargo build --release --locked --bin forebay
# A folder that a volume takes its owner from.
RUN mkdir /data && chown 65532:65532 /data

FROM debian:bookworm-slim
# The certificate authorities that sign the buckets' certificates.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /build/target/release/forebay /usr/local/bin/forebay
COPY --from=build --chown=65532:65532 /data /data
COPY LICENSE /usr/share/doc/forebay/LICENSE

# A number and no name, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
WORKDIR /data

# What was acknowledged lies here: mount a disk that outlives the container.
VOLUME ["/data"]
ENV FOREBAY_DATA_DIR=/data \
    FOREBAY_RECEIVE_GRPC=0.0.0.0:4317 \
    FOREBAY_RECEIVE_HTTP=0.0.0.0:4318 \
    FOREBAY_ADMIN_LISTEN=0.0.0.0:13133

# OTLP over gRPC and HTTP (both on both); metrics, probes and status.
EXPOSE 4317 4318 13133

# forebay then stops taking in, seals, and tries to deliver. Give it longer than docker's 10 s if it may
# (docker stop --time 60, terminationGracePeriodSeconds); what is left is delivered after the next start.
STOPSIGNAL SIGTERM

# Exit code 1 only means that the bucket is away, which is no reason to restart.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD forebay status > /dev/null || [ $? -eq 1 ]

ENTRYPOINT ["forebay"]
