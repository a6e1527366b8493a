# PostgreSQL 15 of Debian 12 with tablediffusion, built by `make package`. See docs/packaging.md.
# Wants BuildKit. The authors' tests have not built this file.

FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl gcc libc6-dev make
ARG RUST=1.95.0
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain $RUST
ENV PATH=/root/.cargo/bin:$PATH
WORKDIR /src
# Only what the build reads, so that a change of the rest does not repeat it.
COPY Cargo.toml Cargo.lock Makefile LICENSE tablediffusion.control ./
COPY .cargo .cargo
COPY .ci .ci
COPY benches benches
COPY packaging packaging
COPY sql sql
COPY src src
RUN make package

FROM debian:12
COPY --from=build /src/target/deb/ /tmp/deb/
# Debian's own cluster is not wanted: this one lives in the volume.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /tmp/deb/*.deb \
    && pg_dropcluster 15 main \
    && rm -rf /tmp/deb /var/lib/apt/lists/* \
    && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data

COPY --chmod=755 <<'EOF' /usr/local/bin/run-postgres
#!/bin/bash
# Makes a cluster at the first start, whose superuser has the password given, and then is PostgreSQL.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?has to be given at the first start}"
    initdb --encoding=UTF8 --auth-local=peer --auth-host=scram-sha-256 --pwfile=<(echo "$POSTGRES_PASSWORD")
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
unset POSTGRES_PASSWORD
exec postgres -c listen_addresses='*'
EOF

ENV LANG=C.UTF-8 PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
# A fast shutdown, which does not wait for clients to leave.
STOPSIGNAL SIGINT
CMD ["run-postgres"]
