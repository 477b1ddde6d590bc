#!/bin/sh
# Makes the database on the first start, then runs the server. It is made beside its place and renamed into it, so
# that a start that was cut short leaves nothing half-made.
set -eu
: "${POSTGRES_USER:=vote}" "${POSTGRES_PASSWORD:=vote}" "${POSTGRES_DB:=vote}"

if [ ! -e "$PGDATA/PG_VERSION" ]; then
  echo "first start: making the database $POSTGRES_DB in $PGDATA"
  new=$PGDATA.new
  rm -rf "$new"
  umask 077
  printf '%s\n' "$POSTGRES_PASSWORD" >"$PGDATA.password"
  initdb --pgdata="$new" --username="$POSTGRES_USER" --pwfile="$PGDATA.password" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --no-instructions >/dev/null
  rm "$PGDATA.password"
  echo 'host all all all scram-sha-256' >>"$new/pg_hba.conf"
  [ "$POSTGRES_DB" = postgres ] || echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$new" postgres >/dev/null
  mv "$new" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp -c jit=off \
  -c shared_buffers=32MB -c max_connections=50 -c log_timezone=UTC "$@"
