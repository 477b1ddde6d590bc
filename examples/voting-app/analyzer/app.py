"""Reads the ballots and serves what they say: numbers at /api/analysis, a page at /."""

import os
import socket
import threading
import time

import psycopg2
from flask import Flask, jsonify, render_template

from analysis import Ballot, analyse

LABELS = {"a": os.environ.get("OPTION_A", "Cats"), "b": os.environ.get("OPTION_B", "Dogs")}
SELECT = "SELECT voter, choice, extract(epoch FROM cast_at)::float8 FROM ballots ORDER BY cast_at, id"

app = Flask(__name__)
local = threading.local()


def connection():
    """The thread's connection, made again once it broke."""
    if getattr(local, "connection", None) is None or local.connection.closed:
        local.connection = psycopg2.connect(
            host=os.environ.get("DB_HOST", "db"),
            dbname=os.environ.get("DB_NAME", "vote"),
            user=os.environ.get("DB_USER", "vote"),
            password=os.environ.get("DB_PASSWORD", "vote"),
            connect_timeout=3,
        )
        local.connection.autocommit = True
    return local.connection


def read(query):
    try:
        with connection().cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    except psycopg2.errors.UndefinedTable:
        return []  # the worker makes the table before its first ballot
    except psycopg2.OperationalError:
        if getattr(local, "connection", None) is not None:
            local.connection.close()
        raise


@app.get("/")
def page():
    return render_template("index.html", host=socket.gethostname())


@app.get("/api/analysis")
def analysis():
    ballots = [Ballot(*row) for row in read(SELECT)]
    return jsonify(analyse(ballots, LABELS, time.time()))


@app.get("/healthz")
def alive():
    return "ok\n"


@app.get("/readyz")
def ready():
    read("SELECT 1")
    return "ok\n"


@app.errorhandler(psycopg2.Error)
def no_database(error):
    app.logger.warning("database: %s", str(error).strip())
    return jsonify(error="the database cannot be read at the moment"), 503
