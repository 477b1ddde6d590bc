"""Takes votes: each ballot goes to the end of the list `ballots` in redis, from where the worker fetches it."""

import json
import os
import re
import secrets
import socket
import time

from flask import Flask, jsonify, make_response, redirect, render_template, request
from redis import Redis
from redis.exceptions import RedisError

CHOICES = {"a": os.environ.get("OPTION_A", "Cats"), "b": os.environ.get("OPTION_B", "Dogs")}
VOTER = re.compile(r"[0-9A-Za-z_-]{8,64}")

app = Flask(__name__)
redis = Redis(host=os.environ.get("REDIS_HOST", "redis"), socket_connect_timeout=2, socket_timeout=2)


class BadVote(Exception):
    """A request that is not a vote; the text says what was expected."""


def cast(choice, voter):
    if choice not in CHOICES:
        raise BadVote(f"choice must be one of {', '.join(CHOICES)}")
    ballot = {"id": secrets.token_hex(16), "voter": voter, "choice": choice, "at": time.time()}
    redis.rpush("ballots", json.dumps(ballot))
    return ballot


def voter_of(wanted):
    return wanted if wanted and VOTER.fullmatch(wanted) else secrets.token_urlsafe(16)


@app.get("/")
def page():
    return render_template("index.html", choices=CHOICES, chosen=request.cookies.get("choice"), host=socket.gethostname())


@app.post("/")
def vote_by_form():
    ballot = cast(request.form.get("choice"), voter_of(request.cookies.get("voter")))
    response = make_response(redirect("/", code=303))
    response.set_cookie("voter", ballot["voter"], max_age=31_536_000, httponly=True, samesite="Lax")
    response.set_cookie("choice", ballot["choice"], max_age=31_536_000, httponly=True, samesite="Lax")
    return response


@app.post("/api/votes")
def vote_by_api():
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadVote('expected a JSON object such as {"choice": "a"}')
    ballot = cast(body.get("choice"), voter_of(body.get("voter")))
    return jsonify(id=ballot["id"], voter=ballot["voter"], choice=ballot["choice"], label=CHOICES[ballot["choice"]]), 202


@app.get("/healthz")
def alive():
    return "ok\n"


@app.get("/readyz")
def ready():
    redis.ping()
    return "ok\n"


@app.errorhandler(BadVote)
def bad_vote(error):
    return jsonify(error=str(error)), 400


@app.errorhandler(RedisError)
def no_redis(error):
    app.logger.warning("redis: %s", error)
    return jsonify(error="the ballot box (redis) cannot be reached; your vote was not counted, try again"), 503
