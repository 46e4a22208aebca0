# syntax=docker/dockerfile:1
# Two stages: build with Swift, run on a slim Debian with one static binary and the engine's shared library.
#   docker build -t octavo .
#   docker run --rm -p 8080:8080 -v octavo:/var/lib/octavo octavo

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${SWIFT_IMAGE} AS build
WORKDIR /src

# Packages and the engine first: they change least.
COPY Scripts/install-packages.sh Scripts/fetch-engine.sh Scripts/
RUN Scripts/install-packages.sh libssl-dev zlib1g-dev libsqlite3-dev libjpeg-dev libpng-dev pkg-config python3 python3-pip \
    && Scripts/fetch-engine.sh

COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
# --static-swift-stdlib: no Swift runtime is needed in the second stage. glibc stays dynamic, or dlopen would not work.
RUN --mount=type=cache,target=/src/.build \
    swift build -c release --static-swift-stdlib --product octavo \
    && install -D -m 755 .build/release/octavo /stage/bin/octavo \
    && strip /stage/bin/octavo \
    && install -D -m 755 -t /stage/lib/octavo .cache/engines/onnxruntime-*/libonnxruntime.so \
    && install -m 644 -t /stage/lib/octavo .cache/engines/onnxruntime-*/LICENSE \
       .cache/engines/onnxruntime-*/ThirdPartyNotices.txt

FROM ${RUNTIME_IMAGE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libssl3 zlib1g libsqlite3-0 libjpeg62-turbo libpng16-16 libstdc++6 libgcc-s1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-log-init --no-create-home --home-dir /nonexistent \
       --shell /usr/sbin/nologin octavo \
    && install -d -o octavo -g octavo -m 700 /var/lib/octavo
# The engine lies where the binary looks for it: ../lib/octavo beside it.
COPY --from=build /stage/ /usr/local/
COPY LICENSE /usr/local/share/doc/octavo/
USER 10001
VOLUME /var/lib/octavo
EXPOSE 8080
STOPSIGNAL SIGTERM
# No HEALTHCHECK: the image has no HTTP client to run one with. Whoever runs it asks /livez and /readyz over HTTP.
ENTRYPOINT ["/usr/local/bin/octavo"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/var/lib/octavo"]
