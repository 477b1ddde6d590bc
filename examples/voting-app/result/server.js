'use strict';
// Shows the result as it comes: the worker's NOTIFY → one query → every open page, by server-sent events.
const http = require('node:http');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Client } = require('pg');

const choices = { a: process.env.OPTION_A || 'Cats', b: process.env.OPTION_B || 'Dogs' };
const page = fs.readFileSync(path.join(__dirname, 'public/index.html'));
const pageGzip = fs.readFileSync(path.join(__dirname, 'public/index.html.gz'));

// One vote per voter: the latest of each.
const count = `
  SELECT choice, count(*)::int AS votes
  FROM (SELECT DISTINCT ON (voter) choice FROM ballots ORDER BY voter, cast_at DESC) AS latest
  GROUP BY choice`;

/** The open pages. */
const watchers = new Set();
/** What was last read; undefined until the database was reached. */
let current;
let client;

async function read() {
  const { rows } = await client.query(count).catch((error) => {
    // The worker makes the table when it first reaches the database.
    if (error.code === '42P01') return { rows: [] };
    throw error;
  });
  const votes = Object.fromEntries(rows.map((row) => [row.choice, row.votes]));
  const results = Object.entries(choices).map(([choice, label]) => ({ choice, label, votes: votes[choice] || 0 }));
  current = { results, total: results.reduce((sum, { votes }) => sum + votes, 0), at: new Date().toISOString() };
  return current;
}

/** Reads once more after the present read, however many notices came meanwhile. */
let reading;
let again = false;
function refresh() {
  if (reading) {
    again = true;
    return;
  }
  reading = read()
    .then((now) => watchers.forEach((response) => send(response, now)))
    .catch((error) => console.error(`count: ${error.message}`))
    .finally(() => {
      reading = undefined;
      if (!again) return;
      again = false;
      refresh();
    });
}

function send(response, data) {
  response.write(`data: ${JSON.stringify(data)}\n\n`);
}

async function connect(pause = 250) {
  const next = new Client({
    host: process.env.DB_HOST || 'db',
    database: process.env.DB_NAME || 'vote',
    user: process.env.DB_USER || 'vote',
    password: process.env.DB_PASSWORD || 'vote',
    connectionTimeoutMillis: 3000,
  });
  let ended = false;
  const retry = (error, wait) => {
    if (ended) return;
    ended = true;
    client = undefined;
    console.error(`database: ${error.message}; trying again in ${wait} ms`);
    next.end().catch(() => {});
    setTimeout(() => connect(Math.min(wait * 2, 2000)), wait);
  };
  next.on('error', (error) => retry(error, 250));
  next.on('end', () => retry(new Error('connection closed'), 250));
  next.on('notification', refresh);
  try {
    await next.connect();
    await next.query('LISTEN ballots');
    client = next;
    await read();
    console.log('connected; counting');
    refresh();
  } catch (error) {
    retry(error, pause);
  }
}

function json(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(value)}\n`);
}

const unavailable = { error: 'the database cannot be read at the moment' };

const routes = {
  '/': (request, response) => {
    const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] || '');
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', vary: 'accept-encoding', ...(gzip && { 'content-encoding': 'gzip' }) });
    response.end(gzip ? pageGzip : page);
  },
  '/events': (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(`retry: 1000\nevent: host\ndata: ${os.hostname()}\n\n`);
    watchers.add(response);
    request.on('close', () => watchers.delete(response));
    if (current) send(response, current);
  },
  '/api/results': async (_request, response) => {
    if (!client) return json(response, 503, unavailable);
    return json(response, 200, await read());
  },
  '/healthz': (_request, response) => response.end('ok\n'),
  '/readyz': (_request, response) => (client && current ? response.end('ok\n') : json(response, 503, unavailable)),
};

const server = http.createServer(async (request, response) => {
  const route = routes[new URL(request.url, 'http://result').pathname];
  if (!route) return json(response, 404, { error: 'no such page' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(response, 405, { error: 'this page is only read' });
  try {
    await route(request, response);
  } catch (error) {
    console.error(`${request.url}: ${error.message}`);
    if (!response.headersSent) json(response, 503, unavailable);
  }
});

server.on('error', (error) => {
  console.error(error.code === 'EACCES' ? 'listen on port 80: permission denied (the program lacks cap_net_bind_service)' : error.message);
  process.exit(1);
});
server.listen(Number(process.env.PORT || 80), () => console.log(`listening on ${server.address().port} as uid ${process.getuid()}`));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  watchers.forEach((response) => response.end());
  server.closeIdleConnections();
});
connect();
