// Runs SQL on an embedded database, for bench/run.sh:
//
//   node peer.mjs ENGINE DATABASE version
//   node peer.mjs ENGINE DATABASE run             < statements.sql   the milliseconds of all of them
//   node peer.mjs ENGINE DATABASE answer          < query.sql        the rows, as CSV without a header
//   node peer.mjs ENGINE DATABASE answers KEYS    < query.sql        the same for each line of the file KEYS, put for
//                                                                    {key} and before the row
//   node peer.mjs ENGINE DATABASE time RUNS       < query.sql        the milliseconds of each run, after one to warm up
//   node peer.mjs ENGINE DATABASE latency KEYS    < query.sql        the milliseconds for each line of the file KEYS,
//                                                                    put for {key}: the second of two passes
//
// ENGINE is duckdb or clickhouse, DATABASE a file or directory.  Both engines get two threads and
// keep what they have read in memory, as PostgreSQL does in its shared buffers.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const THREADS = 2;

async function openDuckDB(path) {
  const { DuckDBInstance, version } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(path, { threads: String(THREADS) });
  const connection = await instance.connect();
  return {
    version: () => `DuckDB ${version()}`,
    run: async (sql) => (await connection.runAndReadAll(sql)).getRows(),
    answer: (sql) => connection.run(`COPY (${sql}) TO '/dev/stdout' (FORMAT csv, HEADER false)`),
    // An application would prepare the statement once
    prepare: async (sql) => {
      const statement = await connection.prepare(sql.replaceAll("'{key}'", '$key'));
      return async (key) => {
        statement.bind({ key });
        return (await statement.runAndReadAll()).getRows();
      };
    },
    close: () => { connection.closeSync(); instance.closeSync(); },
  };
}

async function openClickHouse(path) {
  const { Session } = createRequire(import.meta.url)('chdb');
  const session = new Session(path);
  session.query(`SET max_threads = ${THREADS}`);
  return {
    version: () => `ClickHouse ${session.query('SELECT version()', 'TSV').trim()}`,
    run: async (sql) => session.query(sql, 'CSV'),
    answer: async (sql) => process.stdout.write(session.query(sql, 'CSV')),
    prepare: async (sql) => async (key) => session.query(sql.replaceAll('{key}', key), 'CSV'),
    close: () => session.close?.(),
  };
}

async function milliseconds(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function lines(file) {
  return readFileSync(file, 'utf8').trim().split('\n');
}

const [engine, path, mode, argument] = process.argv.slice(2);
const database = await { duckdb: openDuckDB, clickhouse: openClickHouse }[engine](path);
const sql = mode === 'version' ? '' : readFileSync(0, 'utf8').replace(/^--.*\n/gm, '').trim();

switch (mode) {
  case 'version':
    console.log(database.version());
    break;
  case 'run':
    console.log(await milliseconds(async () => {
      for (const statement of sql.split(/;\s*(?:\n|$)/).filter((s) => s.trim())) await database.run(statement);
    }));
    break;
  case 'answer':
    await database.answer(sql);
    break;
  case 'answers':
    for (const key of lines(argument)) {
      await database.answer(`SELECT '${key}', answer.* FROM (${sql.replaceAll('{key}', key)}) AS answer`);
    }
    break;
  case 'time':
    await database.run(sql);
    for (let run = 0; run < Number(argument); run++) console.log(await milliseconds(() => database.run(sql)));
    break;
  case 'latency': {
    const keys = lines(argument);
    const ask = await database.prepare(sql);
    for (const key of keys) await ask(key);
    for (const key of keys) console.log(await milliseconds(() => ask(key)));
    break;
  }
  default:
    throw new Error(`unknown mode: ${mode}`);
}
database.close();
