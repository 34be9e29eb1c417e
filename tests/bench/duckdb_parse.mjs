// Parses JSON Lines into a table in memory with DuckDB and prints the seconds that took:
//     node duckdb_parse.mjs FILE THREADS narrow|wide RESULT
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.env.WINDROW_BENCH_NODE + '/');
const { DuckDBInstance } = require('@duckdb/node-api');
const [file, threads, kind, result] = process.argv.slice(2);
const columns = kind === 'wide'
  ? "{id: 'UUID', body: 'JSON'}"
  : "{user: 'BIGINT', name: 'VARCHAR', kind: 'VARCHAR', amount: 'DECIMAL(12,2)', score: 'INTEGER', active: 'BOOLEAN', " +
    "created: 'TIMESTAMPTZ', city: 'VARCHAR', note: 'VARCHAR', ref: 'VARCHAR'}";
const db = await DuckDBInstance.create(':memory:', { threads });
const connection = await db.connect();
const start = performance.now();
const before = process.cpuUsage();
await connection.run(
  `CREATE TABLE t AS SELECT * FROM read_json('${file}', format = 'newline_delimited', columns = ${columns})`);
const cpu = process.cpuUsage(before);
const wall = (performance.now() - start) / 1000;
writeFileSync(result, `${wall} ${(cpu.user + cpu.system) / 1e6} ${process.resourceUsage().maxRSS / 1024} 0\n`);
