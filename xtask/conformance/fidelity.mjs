// Holds every answer against the model that the vendor's JavaScript SDK declares for it.
//
// This SDK hands plain JSON out, so nothing is lost on the way; what could be wrong is that an answer is not what the
// SDK's types promise to whoever wrote his program against them: a field they do not have, another type, a missing field
// that they say is always there.

import { readFileSync } from 'node:fs';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// A mention of another entity has no more than these.
const REFERENCE = ['id', 'name', 'version', 'selfUri'];
// One declaration serves request and answer; a secret is in the request alone.
const NEVER_TOLD = ['outboundNotificationWebhookSignatureSecretToken'];

// The declared models and the answer of each method, read from the SDK's own type file.
export class Declarations {
  constructor(file) {
    const text = readFileSync(file, 'utf8');
    this.models = new Map();
    for (const [, name, body] of text.matchAll(/\texport interface (\w+) \{ ?\n(.*?)\n\t\}/gs)) {
      const fields = new Map();
      for (const [, field, optional, type] of body.matchAll(/"([^"]+)"(\??): (.+);/g)) {
        fields.set(field, { type, required: optional === '' });
      }
      this.models.set(name, fields);
    }
    this.answers = new Map();
    for (const [, api, body] of text.matchAll(/declare class (\w+Api) \{(.*?)\n\}/gs)) {
      for (const [, method, type] of body.matchAll(/\t(\w+)\(.*\): Promise<(.*)>;/g)) this.answers.set(`${api}.${method}`, type);
    }
  }

  // What of `value` is not as `type` says.
  *faults(value, type, at = '$') {
    if (value === null || value === undefined || type === 'object' || type === 'any') return;
    const list = type.match(/^Array<(.*)>$/);
    const map = type.match(/^\{ \[key: string\]: (.*); \}$/);
    if (list) {
      if (!Array.isArray(value)) return void (yield `${at}: no array`);
      for (const item of value) yield* this.faults(item, list[1], `${at}[]`);
    } else if (map) {
      for (const item of Object.values(value)) yield* this.faults(item, map[1], `${at}.*`);
    } else if (type.startsWith('Models.')) {
      yield* this.modelFaults(value, type.slice('Models.'.length), at);
    } else if (typeof value !== type) {
      yield `${at}: no ${type}`;
    }
  }

  *modelFaults(value, name, at) {
    const fields = this.models.get(name);
    if (!fields) throw new Error(`the SDK's types have no ${name}`);
    if (typeof value !== 'object' || Array.isArray(value)) return void (yield `${at}: no object (${name})`);
    for (const [field, item] of Object.entries(value)) {
      const declared = fields.get(field);
      if (declared) yield* this.faults(item, declared.type, `${at}.${field}`);
      else yield `${at}.${field}: ${name} has no such field`;
    }
    // What names another entity by its id is not that entity: fields that it always has are elsewhere.
    if (Object.keys(value).every((field) => REFERENCE.includes(field))) return;
    for (const [field, { required }] of fields) {
      if (required && !NEVER_TOLD.includes(field) && (value[field] === undefined || value[field] === null)) yield `${at}.${field}: missing, ${name} always has it`;
    }
  }
}

// Calls operations and says of each, one JSON object a line, how it went.
export class Protocol {
  constructor(client, declarations, write) {
    Object.assign(this, { client, declarations, write, job: '' });
    client.setReturnExtendedResponses(true);
    // The templates of the paths are in the call that every operation comes down to.
    const callApi = client.callApi.bind(client);
    client.callApi = (path, method, ...rest) => {
      this.operation = `${method} ${path}`;
      return callApi(path, method, ...rest);
    };
  }

  // The answer's body, or undefined where the call failed, as is then told.
  async call(api, method, parameters, expect = [200]) {
    this.operation = `${api.constructor.name}.${method}`;
    let answer;
    try {
      answer = await api[method](...parameters);
    } catch (error) {
      answer = error;
    }
    if (!answer?.status) return void this.tell(this.operation, 0, '', [String(answer)]);
    const failed = answer.status >= 400;
    const type = failed ? 'Models.ErrorBody' : this.declarations.answers.get(`${api.constructor.name}.${method}`);
    const body = answer.body === '' ? undefined : answer.body;
    const faults = type === 'void' || type === 'string' ? [] : [...new Set(this.declarations.faults(body, type))];
    if (!expect.includes(answer.status)) faults.push(`status ${answer.status}, expected ${expect.join(' or ')}`);
    const correlation = answer.headers['inin-correlation-id'] ?? '';
    if (!UUID.test(correlation)) faults.push('ININ-Correlation-Id: no UUID');
    if (failed && body?.contextId !== correlation) faults.push('$.contextId: another than the ININ-Correlation-Id');
    this.tell(this.operation, answer.status, type.replace('Models.', ''), faults);
    return failed ? undefined : body;
  }

  check(what, holds, detail = '') {
    this.tell(what, 0, '', holds ? [] : [`does not hold ${detail}`.trim()]);
    return holds;
  }

  tell(operation, status, model, lost) {
    this.write({ sdk: 'javascript', job: this.job, operation, status, model, lost });
  }
}
