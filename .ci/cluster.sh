# shellcheck shell=bash
# A throw-away cluster on a unix socket of its own: nothing listens on TCP and nothing of it stays behind.
# Source after setup.sh. Sets PGHOST, PGPORT, PGUSER and PGDATABASE, so a bare psql reaches it.

CLUSTER=

cluster_start() { # PG_CONFIG [NAME=VALUE server setting...]
    local bin setting options
    bin=$("$1" --bindir)
    shift
    CLUSTER=$(mktemp -d /tmp/tablediffusion.XXXXXX)
    CLUSTER_BIN=$bin
    [ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$CLUSTER"
    trap cluster_stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP PIPE
    as_server "$bin/initdb" --pgdata="$CLUSTER/data" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync >"$CLUSTER/initdb.log" || { cat "$CLUSTER/initdb.log" >&2; die "initdb failed"; }
    options="-c listen_addresses= -c unix_socket_directories=$CLUSTER -c port=5432 -c fsync=off"
    for setting; do options+=" -c $setting"; done
    as_server "$bin/pg_ctl" start --silent --wait --pgdata="$CLUSTER/data" --log="$CLUSTER/server.log" \
        --options="$options" || { as_server cat "$CLUSTER/server.log" >&2; die "the server did not start"; }
    unset PGOPTIONS PGSERVICE PGSSLMODE PGHOSTADDR
    export PGHOST=$CLUSTER PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    export PATH="$bin:$PATH"
}

cluster_stop() {
    [ -n "$CLUSTER" ] || return 0
    if [ -e "$CLUSTER/data/postmaster.pid" ]; then
        as_server "$CLUSTER_BIN/pg_ctl" stop --silent --mode=immediate --pgdata="$CLUSTER/data" || true
    fi
    rm -rf "$CLUSTER"
    CLUSTER=
}

# psql that stops at the first error and reads nobody's start-up file.
sql() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"; }
