#!/bin/sh
# At the database's first start: the engine's own role and its own room. It may read and write nothing else.
set -eu
psql --set=ON_ERROR_STOP=1 --set=word="$(cat /run/secrets/engine-password)" \
  --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE septimus_engine LOGIN PASSWORD :'word';
CREATE SCHEMA engine AUTHORIZATION septimus_engine;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
