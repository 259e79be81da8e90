// Search or ask a Cairn server over gRPC: client.js search|ask ADDRESS TEXT (see ../README.md).
'use strict';
const path = require('path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const protos = process.env.CAIRN_PROTO || path.join(__dirname, '../../../server/proto');
const files = ['cairn/v1/search.proto', 'cairn/v1/ask.proto'];
const { cairn } = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: [protos], defaults: true, oneofs: true }));

function fail(error) {
  console.error(`${grpc.status[error.code]}: ${error.details}`);
  process.exitCode = 1;
}

function search(address, query, metadata) {
  const stub = new cairn.v1.Search(address, grpc.credentials.createInsecure());
  stub.Query({ query }, metadata, { deadline: Date.now() + 60000 }, (error, answer) => {
    if (error) fail(error);
    else for (const hit of answer.hits) console.log([hit.rank, hit.uri, hit.heading].join('\t'));
    stub.close();
  });
}

function ask(address, question, metadata) {
  const stub = new cairn.v1.Ask(address, grpc.credentials.createInsecure());
  const events = stub.Answer({ question }, metadata);
  events.on('data', (event) => {
    if (event.event === 'text') {
      process.stdout.write(event.text);
      return;
    }
    console.log();
    for (const c of event.done.citations) console.log([`[${c.number}]`, c.uri, c.text].join('\t'));
  });
  events.on('error', fail);
  events.on('end', () => stub.close());
}

const [what, address, text] = process.argv.slice(2);
const metadata = new grpc.Metadata();
if (process.env.CAIRN_TOKEN) metadata.set('authorization', `Bearer ${process.env.CAIRN_TOKEN}`);
if (!text || !['search', 'ask'].includes(what)) {
  console.error('usage: client.js search|ask ADDRESS TEXT');
  process.exitCode = 2;
} else {
  (what === 'search' ? search : ask)(address, text, metadata);
}
