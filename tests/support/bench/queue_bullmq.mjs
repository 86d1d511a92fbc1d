// The same work on BullMQ: a flow of one parent and 40 children that return 1,024 bytes each; the parent collects them.
//
//     node queue_bullmq.mjs MODULES SOCKET worker CONCURRENCY   works until told to stop; says "ready"
//     node queue_bullmq.mjs MODULES SOCKET add JOBS             queues that many flows
//     node queue_bullmq.mjs MODULES SOCKET latency JOBS         one flow after the other: milliseconds from add to completed
//     node queue_bullmq.mjs MODULES SOCKET version
//
// MODULES: a folder with node_modules/bullmq. SOCKET: Redis'. Children are removed when they have ended (their values
// stay with the parent until that has), and of the parents the last thousand are kept, as our own queue does.
import { createRequire } from 'node:module';

const [modules, path, what, argument] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { FlowProducer, QueueEvents, Worker } = require('bullmq');

const FAN_OUT = 40;
const BULK = 50;
const RESULT = 'x'.repeat(1024);
const KEEP = { count: 1000 };
const connection = { path, maxRetriesPerRequest: null };

const flow = () => ({
  name: 'join',
  queueName: 'parents',
  data: {},
  opts: { removeOnComplete: KEEP, removeOnFail: KEEP },
  children: Array.from({ length: FAN_OUT }, (_, i) => ({
    name: 'part',
    queueName: 'children',
    data: { i },
    opts: { removeOnComplete: true },
  })),
});

async function worker(concurrency) {
  const workers = [
    new Worker('children', async () => RESULT, { connection, concurrency }),
    new Worker('parents', async (job) => {
      const values = Object.values(await job.getChildrenValues());
      const whole = values.filter((value) => value.length === RESULT.length).length;
      if (whole !== FAN_OUT) throw new Error(`${whole} of ${FAN_OUT} results`);
    }, { connection, concurrency }),
  ];
  for (const each of workers) {
    each.on('error', (error) => console.error(error));
    each.on('failed', (_, error) => console.error(error));
  }
  await Promise.all(workers.map((each) => each.waitUntilReady()));
  console.log('ready');
  process.on('SIGTERM', async () => {
    await Promise.all(workers.map((each) => each.close()));
    process.exit(0);
  });
}

async function add(jobs) {
  const producer = new FlowProducer({ connection });
  for (let done = 0; done < jobs; done += BULK) {
    await producer.addBulk(Array.from({ length: Math.min(BULK, jobs - done) }, flow));
  }
  await producer.close();
}

async function latency(jobs) {
  const producer = new FlowProducer({ connection });
  const events = new QueueEvents('parents', { connection });
  await events.waitUntilReady();
  const times = [];
  for (let i = 0; i < jobs; i++) {
    const begun = process.hrtime.bigint();
    const { job } = await producer.add(flow());
    await job.waitUntilFinished(events);
    times.push(Number(process.hrtime.bigint() - begun) / 1e6);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ p50: times[Math.floor(jobs / 2)], p99: times[Math.floor(jobs * 0.99)], max: times[jobs - 1] }));
  await events.close();
  await producer.close();
}

if (what === 'worker') await worker(Number(argument));
else if (what === 'add') await add(Number(argument));
else if (what === 'latency') await latency(Number(argument));
else console.log(require('bullmq/package.json').version);
