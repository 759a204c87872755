# syntax=docker/dockerfile:1
# The facade alone: no simulator, no demo, no shell.

FROM rust:1.95-slim-trixie AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# The cryptography is C and assembler; clang and the rest of its tool chain are not needed.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cmake gcc g++ libc6-dev make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo ./.cargo
COPY README.md ./
COPY src ./src
COPY profiles ./profiles
COPY openapi ./openapi
RUN cargo build --locked --profile dist --no-default-features --bin mig-fhir \
 && install -d -m 0700 /state

FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="mig-fhir" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/dist/mig-fhir /usr/local/bin/mig-fhir
# The store and the anchor file; mount a volume over it.
COPY --from=build --chown=nonroot:nonroot /state /var/lib/mig-fhir
# nonroot, as the base image names it.
USER 65532:65532
EXPOSE 8080
# Settings, certificates and keys are mounted read-only; every setting can be overridden by MIG_FHIR__SECTION__KEY.
ENTRYPOINT ["/usr/local/bin/mig-fhir"]
CMD ["serve", "--config", "/etc/mig-fhir/config.toml"]
