// An SMSC of the npm package `smpp` that a test steers: commands come in as JSON lines on stdin, and
// what happens goes out as JSON lines on stdout. With --bench it is silent, and as fast as it can be.
//
// Commands: {set: {...}} changes the behaviour below, {deliver: {...}} sends a deliver_sm of these
// fields on the newest session, {raw: "hex"} writes octets, {request: "unbind"} sends a request,
// {drop: true} destroys all sessions, {reset: true} does so and behaves as at first.

const fs = require('fs');
const readline = require('readline');
const smpp = require(require.resolve('smpp', {paths: [process.argv[2]]}));

const bench = process.argv.includes('--bench');
const tlsFiles = process.argv.includes('--tls') ? process.argv[process.argv.indexOf('--tls') + 1] : null;

const usual = {
  bindStatus: 0,
  // What the next submit_sm get, in order, before `otherwise`: a status, "silent", "drop", "nack",
  // "unbind", "no_id", or {late: milliseconds}.
  answers: null,
  otherwise: 0,
  delay: 0, // of each answer, in milliseconds
  enquireLink: true, // whether enquire_link is answered
  // null: none; "first": before the answer; "after": behind it; "twice"; else a stat such as REJECTD.
  receipts: null,
  receiptText: true, // false: optional parameters only
  echoReference: false,
};

const behaviour = {...usual};

let lastId = 1000000000;
const sessions = new Set();

function tell(event, fields) {
  if (!bench) process.stdout.write(JSON.stringify({event, ...fields}) + '\n');
}

function receipt(session, submit, id, stat) {
  const state = {DELIVRD: 2, EXPIRED: 3, DELETED: 4, UNDELIV: 5, ACCEPTD: 6, UNKNOWN: 7, REJECTD: 8}[stat];
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:${stat} err:000 text:`;
  const fields = {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: submit.destination_addr,
    dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: submit.source_addr,
    esm_class: 4,
    short_message: behaviour.receiptText ? Buffer.from(text) : '',
    receipted_message_id: id, message_state: state,
  };
  if (behaviour.echoReference) fields.user_message_reference = submit.user_message_reference;
  deliver(session, fields);
}

function deliver(session, fields) {
  session.deliver_sm(fields, (response) => {
    tell('delivered', {status: response.command_status, command: response.command, tag: fields.source_addr});
  });
}

function answerTo(session, pdu, answer, id) {
  if (answer === 'silent') return;
  if (answer === 'drop') return session.destroy();
  if (answer === 'unbind') return session.unbind();
  if (answer === 'nack') return session.generic_nack({sequence_number: pdu.sequence_number, command_status: 3});
  if (answer === 'no_id') return session.send(pdu.response({message_id: ''}));
  const stat = {first: 'DELIVRD', after: 'DELIVRD', twice: 'DELIVRD'}[behaviour.receipts] || behaviour.receipts;
  if (answer === 0 && behaviour.receipts === 'first') receipt(session, pdu, id, stat);
  session.send(pdu.response(answer === 0 ? {message_id: id} : {command_status: answer}));
  if (answer !== 0 || !behaviour.receipts || behaviour.receipts === 'first') return;
  receipt(session, pdu, id, stat);
  if (behaviour.receipts === 'twice') receipt(session, pdu, id, stat);
}

function submitted(session, pdu) {
  const id = String(++lastId);
  if (bench) {
    session.send(pdu.response({message_id: id}));
    receipt(session, pdu, id, 'DELIVRD');
    return;
  }
  const message = pdu.short_message.message !== undefined ? pdu.short_message.message : pdu.short_message;
  tell('submit', {
    id, sequence: pdu.sequence_number, source: pdu.source_addr, source_ton: pdu.source_addr_ton,
    destination: pdu.destination_addr, esm_class: pdu.esm_class, data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery, reference: pdu.user_message_reference,
    validity: pdu.validity_period, text: Buffer.isBuffer(message) ? message.toString('latin1') : message,
    udh: pdu.short_message.udh ? pdu.short_message.udh.map((one) => one.toString('hex')) : null,
  });
  let answer = behaviour.answers && behaviour.answers.length ? behaviour.answers.shift() : behaviour.otherwise;
  let delay = behaviour.delay;
  if (answer !== null && typeof answer === 'object') {
    delay = answer.late;
    answer = 0;
  }
  if (delay) setTimeout(() => answerTo(session, pdu, answer, id), delay);
  else answerTo(session, pdu, answer, id);
}

function serve(session) {
  sessions.add(session);
  session.on('bind_transceiver', (pdu) => {
    tell('bind', {system_id: pdu.system_id, password: pdu.password, system_type: pdu.system_type});
    if (behaviour.bindStatus === null) return;
    session.send(pdu.response({command_status: behaviour.bindStatus, system_id: 'peer'}));
  });
  session.on('submit_sm', (pdu) => submitted(session, pdu));
  session.on('enquire_link', (pdu) => {
    tell('enquire_link', {});
    if (behaviour.enquireLink) session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    tell('unbind', {});
    session.send(pdu.response());
    session.close();
  });
  for (const command of ['generic_nack', 'unbind_resp', 'enquire_link_resp', 'data_sm_resp']) {
    session.on(command, (pdu) => tell(command, {status: pdu.command_status, sequence: pdu.sequence_number}));
  }
  session.on('error', () => {});
  session.on('close', () => {
    sessions.delete(session);
    tell('close', {});
  });
}

function reset() {
  if (!sessions.size) return tell('done', {});
  for (const session of sessions) session.destroy();
  setTimeout(reset, 5);
}

function newest() {
  return [...sessions].pop();
}

readline.createInterface({input: process.stdin}).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.set) Object.assign(behaviour, command.set);
  if (command.deliver) {
    const {text, ...fields} = command.deliver;
    const copies = command.copies || 1;
    for (let copy = 0; copy < copies; copy++) {
      deliver(newest(), text === undefined ? fields : {...fields, short_message: Buffer.from(text, 'latin1')});
    }
  }
  if (command.raw) newest().socket.write(Buffer.from(command.raw, 'hex'));
  if (command.request) newest()[command.request](command.fields || {}, () => {});
  if (command.drop) for (const session of sessions) session.destroy();
  if (command.reset) {
    Object.assign(behaviour, usual);
    reset();
  } else {
    tell('done', {});
  }
}).on('close', () => process.exit(0));

const options = tlsFiles
  ? {key: fs.readFileSync(tlsFiles + '/key.pem'), cert: fs.readFileSync(tlsFiles + '/cert.pem')}
  : {};
const server = smpp.createServer(options, serve);
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => process.stdout.write(JSON.stringify({event: 'listening', port: server.address().port}) + '\n'));
