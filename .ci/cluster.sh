# shellcheck shell=bash
# A temporary cluster on a unix socket. Nothing listens on TCP, and everything is removed at the end.
# Source after setup.sh. Sets PGHOST, PGPORT, PGUSER and PGDATABASE, so a bare psql reaches it.

CLUSTER=

cluster_start() { # PG_CONFIG [NAME=VALUE server setting...]
    CLUSTER_BIN=$("$1" --bindir)
    shift
    CLUSTER=$(mktemp -d /tmp/tablediffusion.XXXXXX)
    [ "$(id -u)" != 0 ] || chown "$SERVER_USER" "$CLUSTER"
    trap cluster_stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP PIPE
    server_init data
    server_start data 5432 "$@"
    unset PGOPTIONS PGSERVICE PGSSLMODE PGHOSTADDR
    export PGHOST=$CLUSTER PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    export PATH="$CLUSTER_BIN:$PATH"
}

# Additional servers are in the cluster's directory too, each on a separate port, and write to the same log.
server_init() { # NAME [initdb option...]
    as_server "$CLUSTER_BIN/initdb" --pgdata="$CLUSTER/$1" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync "${@:2}" >"$CLUSTER/initdb.log" || { cat "$CLUSTER/initdb.log" >&2; die "initdb failed"; }
}

server_start() { # NAME PORT [NAME=VALUE server setting...]
    local setting options="-c listen_addresses= -c unix_socket_directories=$CLUSTER -c port=$2 -c fsync=off"
    for setting in "${@:3}"; do options+=" -c $setting"; done
    as_server "$CLUSTER_BIN/pg_ctl" start --silent --wait --pgdata="$CLUSTER/$1" --log="$CLUSTER/server.log" \
        --options="$options" || { as_server cat "$CLUSTER/server.log" >&2; die "the server did not start"; }
}

server_stop() { # NAME [MODE]
    [ ! -e "$CLUSTER/$1/postmaster.pid" ] ||
        as_server "$CLUSTER_BIN/pg_ctl" stop --silent --wait --mode="${2:-fast}" --pgdata="$CLUSTER/$1"
}

server_remove() { # NAME
    server_stop "$1" && rm -rf "${CLUSTER:?}/$1"
}

cluster_stop() {
    [ -n "$CLUSTER" ] || return 0
    local server
    for server in "$CLUSTER"/*/postmaster.pid; do
        server_stop "$(basename "$(dirname "$server")")" immediate || true
    done
    rm -rf "$CLUSTER"
    CLUSTER=
}

# psql that stops at the first error and reads no start-up file.
sql() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 "$@"; }

# Waits until a query returns t, at most ten seconds.
wait_until() { # DATABASE QUERY
    local i
    for ((i = 0; i < 200; i++)); do
        [ "$(psql -XAtq -d "$1" -c "$2")" = t ] && return 0
        sleep 0.05
    done
    return 1
}
