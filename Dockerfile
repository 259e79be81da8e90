# Cairn in a container. Two stages: one builds with scripts/packages.txt, the other holds the
# installed Debian package and what it depends on.
#
#   docker build -t cairn .
#   docker run --rm -v ~/Documents:/documents:ro -v cairn:/data -v ~/.cache/cairn/models:/models:ro \
#       cairn index /documents
#
# Models are not in the image: mount the folder that scripts/setup filled, as above.
FROM debian:12 AS build
WORKDIR /src
COPY scripts/packages.txt scripts/packages.txt
RUN apt-get update \
    && sed -e 's/#.*//' scripts/packages.txt | xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DCAIRN_TESTS=OFF -DCAIRN_BENCH=OFF \
    && cmake --build --preset release --parallel "$(nproc)" \
    && cd build/release && cpack -G DEB

FROM debian:12-slim
COPY --from=build /src/build/release/cairn_*.deb /tmp/
RUN apt-get update \
    && apt-get install -y --no-install-recommends /tmp/cairn_*.deb poppler-data \
    && rm -rf /var/lib/apt/lists/* /tmp/cairn_*.deb \
    && useradd --create-home cairn \
    && install -d -o cairn /data
USER cairn
ENV CAIRN_HOME=/data CAIRN_MODELS=/models LANG=C.UTF-8
VOLUME /data
ENTRYPOINT ["cairn"]
CMD ["--help"]
