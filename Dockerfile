# The signaling server and nothing else: no shell, no user database, no files to
# write. deploy/README.md says how to use it.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN ./build.sh server
RUN mkdir /state

FROM scratch
# For ACME, whose authority is asked over https.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/build/unityp2p /unityp2p
# Certificates by ACME, on a volume. Everything else may be read-only.
COPY --from=build --chown=65532:65532 /state /state
ENV UNITYP2P_ACME_CACHE=/state
USER 65532:65532
EXPOSE 12776
STOPSIGNAL SIGTERM
ENTRYPOINT ["/unityp2p"]
CMD ["serve"]
