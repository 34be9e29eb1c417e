// Loads JSON Lines into the table narrow with pg and pg-copy-streams, as an application would write it:
//     node pg_copy.mjs FILE
// The server comes from PGHOST, PGUSER and PGDATABASE, the packages from WINDROW_BENCH_NODE.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const require = createRequire(process.env.WINDROW_BENCH_NODE + '/');
const { Client } = require('pg');
const { from } = require('pg-copy-streams');
const names = ['user', 'name', 'kind', 'amount', 'score', 'active', 'created', 'city', 'note', 'ref'];
const escapes = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

async function * rows(file) {
  let batch = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const record = JSON.parse(line);
    batch.push(names.map(n => record[n] === null ? '\\N' : String(record[n]).replace(/[\\\t\n\r]/g, c => escapes[c])).join('\t'));
    if (batch.length === 500) {
      yield batch.join('\n') + '\n';
      batch = [];
    }
  }
  if (batch.length) yield batch.join('\n') + '\n';
}

const client = new Client();
await client.connect();
const into = client.query(from('COPY narrow (user_id,name,kind,amount,score,active,created,city,note,ref) FROM STDIN'));
await pipeline(Readable.from(rows(process.argv[2])), into);
await client.end();
