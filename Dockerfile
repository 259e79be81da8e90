# Cairn in a container. Two stages: one builds with scripts/packages.txt, the other holds the programs and the
# files of Debian's that they read (scripts/image-tree), 135 MB: no shell, no package manager.
#
#   docker build -t cairn .
#   docker run --rm -v ~/Documents:/documents:ro -v cairn:/data -v ~/.cache/cairn/models:/models:ro \
#       cairn index /documents
#   docker run --rm --network host -v cairn:/data -v ~/.cache/cairn/models:/models:ro cairn serve
#
# The server answers on the host's own 127.0.0.1:7880 then. A published port (-p) needs --http 0.0.0.0:7880 with a certificate
# and a token, as any address does that others can reach (docs/server.md).
# Models are not in the image: mount the folder that scripts/setup filled, as above.
FROM debian:12 AS build
WORKDIR /src
COPY scripts/packages.txt scripts/packages.txt
RUN apt-get update \
    && sed -e 's/#.*//' scripts/packages.txt | xargs apt-get install -y --no-install-recommends \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cmake --preset release -DCAIRN_TESTS=OFF -DCAIRN_BENCH=OFF \
    && cmake --build --preset release --parallel "$(nproc)"
# --build-arg TREE=--faiss: with FAISS and OpenBLAS, which building inverted files needs
ARG TREE=
RUN scripts/image-tree build/release /image $TREE && rmdir /image/data && mkdir /data

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=1000:1000 /data /data
USER cairn
ENV CAIRN_HOME=/data CAIRN_MODELS=/models LANG=C.UTF-8 PATH=/usr/bin
VOLUME /data
ENTRYPOINT ["cairn"]
CMD ["--help"]
