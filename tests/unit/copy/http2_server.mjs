// An HTTPS server that speaks HTTP/2: answers each request after 50 ms with its version and how many connections there
// have been.     node http2_server.mjs CERTIFICATE KEY
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
let connections = 0;
const server = http2.createSecureServer({ cert, key, allowHTTP1: true });
server.on('session', () => connections++);
server.on('request', (request, response) => {
    request.resume();
    request.on('end', () => setTimeout(() => response.end(`${request.httpVersion} ${connections}`), 50));
});
server.listen(0, '127.0.0.1', () => console.log(`ACCEPT 127.0.0.1:${server.address().port}`));
