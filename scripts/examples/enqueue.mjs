#!/usr/bin/env node
// Asks for bundles and follows the job until it ends. Needs: npm install ioredis
//   REDIS_URL=redis://127.0.0.1:6379/0 node enqueue.mjs SHOP UPLOAD
import Redis from 'ioredis';

const [shop, upload] = process.argv.slice(2);
const queue = `{${process.env.QUEUE ?? 'bundles'}}`;
const address = `${shop.replace(/[%:]/g, encodeURIComponent)}:${upload}`;
const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379/0'; // or the path of a unix socket
const client = new Redis(url);
const listener = new Redis(url); // a listening connection does nothing else

listener.on('message', (_channel, text) => {
  const event = JSON.parse(text);
  console.log(`${String(event.progress ?? 0).padStart(3)}% ${event.status.padEnd(12)} ${event.message}`);
  if (['final', 'failed', 'cancelled', 'rejected'].includes(event.status)) {
    process.exitCode = event.status === 'final' ? 0 : 1;
    client.quit();
    listener.quit();
  }
});
await listener.subscribe(`${queue}:progress:${address}`); // first listen, then ask: nothing can be missed
await client.rpush(`${queue}:jobs`, JSON.stringify({ v: 1, shop, upload }));
