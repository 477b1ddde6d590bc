"""Moves ballots from redis to PostgreSQL, each exactly once.

    ballots ──BLMOVE──► taken:<host> ──INSERT … ON CONFLICT DO NOTHING──► ballots (PostgreSQL) ──LREM──► gone

A ballot is in one of the two redis lists until its row is committed. A worker that dies in between finds it again in
`taken` when it starts; that it may then be inserted twice does not matter, because the row's key is the ballot's id.
"""

import json
import os
import pathlib
import signal
import sys
import time

import psycopg2
from redis import Redis
from redis.exceptions import RedisError

TAKEN = "taken"
ALIVE = pathlib.Path("/tmp/alive")

SCHEMA = """
CREATE TABLE IF NOT EXISTS ballots (
  id      text PRIMARY KEY,
  voter   text NOT NULL,
  choice  text NOT NULL,
  cast_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS ballots_by_voter ON ballots (voter, cast_at DESC);
"""

INSERT = """
INSERT INTO ballots (id, voter, choice, cast_at) VALUES (%(id)s, %(voter)s, %(choice)s, to_timestamp(%(at)s))
ON CONFLICT (id) DO NOTHING
"""


def connect():
    redis = Redis(host=os.environ.get("REDIS_HOST", "redis"), socket_connect_timeout=2, socket_timeout=10)
    redis.ping()
    database = psycopg2.connect(
        host=os.environ.get("DB_HOST", "db"),
        dbname=os.environ.get("DB_NAME", "vote"),
        user=os.environ.get("DB_USER", "vote"),
        password=os.environ.get("DB_PASSWORD", "vote"),
        connect_timeout=3,
    )
    with database, database.cursor() as cursor:
        cursor.execute(SCHEMA)
    return redis, database


def move(redis, database):
    while redis.lmove(TAKEN, "ballots", "RIGHT", "LEFT"):
        pass
    print("connected; waiting for ballots", flush=True)
    while True:
        ALIVE.touch()
        raw = redis.blmove("ballots", TAKEN, 5, "LEFT", "RIGHT")
        if raw is None:
            continue
        ballot = json.loads(raw)
        with database, database.cursor() as cursor:
            cursor.execute(INSERT, ballot)
            cursor.execute("NOTIFY ballots")
        redis.lrem(TAKEN, 1, raw)
        print(f"counted {ballot['choice']} of voter {ballot['voter'][:6]}…", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pause = 0.25
    while True:
        ALIVE.touch()
        try:
            redis, database = connect()
            pause = 0.25
            move(redis, database)
        except (RedisError, psycopg2.Error) as error:
            print(f"{type(error).__name__}: {str(error).strip()}; trying again in {pause:g} s", flush=True)
            time.sleep(pause)
            pause = min(pause * 2, 2)


main()
