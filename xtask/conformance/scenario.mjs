// Every operation of the platform contract that Frontdesk uses, driven with the vendor's JavaScript SDK.
//
// Reads the sandbox's ready line from FRONTDESK_SANDBOX, writes one JSON object a line about each call.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { Declarations, Protocol } from './fidelity.mjs';

// The SDK is installed beside the folder this runs in, not beside this file.
const require = createRequire(join(process.cwd(), 'package.json'));
const platform = require('purecloud-platform-client-v2');
const types = join(dirname(require.resolve('purecloud-platform-client-v2/package.json')), 'index.d.ts');

const ready = JSON.parse(process.env.FRONTDESK_SANDBOX);
// So many transcripts are read, and so many live conversations are looked for.
const ENOUGH = 10;
const NOBODY = '00000000-0000-4000-8000-000000000000';
const PATIENCE_MS = 30_000;
const PNG = Buffer.from('89504e470d0a1a0a6e6f2070696374757265', 'hex');

const client = platform.ApiClient.instance;
const protocol = new Protocol(client, new Declarations(types), (line) => console.log(JSON.stringify(line)));
const check = protocol.check.bind(protocol);
const call = protocol.call.bind(protocol);

const conversations = new platform.ConversationsApi();
const analytics = new platform.AnalyticsApi();
const recording = new platform.RecordingApi();
const notifications = new platform.NotificationsApi();
const triggers = new platform.ProcessAutomationApi();
const tokens = new platform.TokensApi();
const organization = new platform.OrganizationApi();

let ids = [];
const live = [];
let talk;

// Looks again and again until it is done, or a look fails, which is told; the last look.
async function until(look, done) {
  const ends = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen === undefined || done(seen) || Date.now() > ends) return seen;
    await pause(50);
  }
}

function interval(days) {
  const start = Date.parse(ready.from);
  return [start, start + days * 86_400_000].map((moment) => new Date(moment).toISOString()).join('/');
}

const query = (fields) => ({ interval: interval(7), order: 'asc', orderBy: 'conversationStart', paging: { pageSize: 100, pageNumber: 1 }, ...fields });
const legsOf = (conversation) => (conversation.participants ?? []).flatMap((person) => (person.messages ?? []).map((leg) => ({ person, leg })));
const messageIds = (conversation) => [...new Set(legsOf(conversation).flatMap(({ leg }) => (leg.messages ?? []).map((one) => one.messageId)))];

// Participant and connected communication of a conversation's agent.
async function agent(id) {
  const conversation = await call(conversations, 'getConversation', [id]);
  const found = legsOf(conversation).find(({ person, leg }) => person.purpose === 'agent' && leg.state === 'connected');
  if (!found) throw new Error(`${id} has no connected agent`);
  return [found.person.id, found.leg.id];
}

const jobs = {
  async tokens() {
    const api = new URL(ready.platform_url);
    const login = new URL(ready.platform_login_url);
    client.setGateway({ host: api.hostname, protocol: 'http', port: Number(api.port), path_params_login: login.pathname, path_params_api: '' });
    const granted = await client.loginClientCredentialsGrant(ready.client_id, ready.client_secret);
    check('POST /oauth/token', Boolean(granted.accessToken));
    await call(tokens, 'getTokensMe', []);
    await call(tokens, 'headTokensMe', []);
    await call(organization, 'getOrganizationsMe', []);
  },

  async details() {
    const seen = [];
    for (let pageNumber = 1; ; pageNumber++) {
      const page = await call(analytics, 'postAnalyticsConversationsDetailsQuery', [query({ interval: interval(31), paging: { pageSize: 10, pageNumber } })]);
      if (!page.conversations) break;
      seen.push(...page.conversations);
    }
    ids = [...new Set(seen.map((one) => one.conversationId))];
    check('conversations were found', ids.length >= 10, String(ids.length));
    const one = await call(analytics, 'getAnalyticsConversationDetails', [ids[0]]);
    check('it is the one that was asked for', one.conversationId === ids[0]);
    const several = await call(analytics, 'getAnalyticsConversationsDetails', [{ id: ids.slice(0, 3) }]);
    check('three by their ids', several.conversations.length === 3);
  },

  async jobs() {
    await call(analytics, 'getAnalyticsConversationsDetailsJobsAvailability', []);
    const body = { interval: interval(31), order: 'asc', startOfDayIntervalMatching: true };
    const { jobId } = await call(analytics, 'postAnalyticsConversationsDetailsJobs', [body], [202]);
    const look = () => call(analytics, 'getAnalyticsConversationsDetailsJob', [jobId], [200, 202]);
    const { state } = await until(look, (status) => !['QUEUED', 'PENDING'].includes(status.state));
    check('the job is fulfilled', state === 'FULFILLED', state);
    const seen = [];
    let cursor;
    do {
      const page = await call(analytics, 'getAnalyticsConversationsDetailsJobResults', [jobId, { pageSize: 5, ...(cursor && { cursor }) }]);
      seen.push(...(page.conversations ?? []));
      cursor = page.cursor;
    } while (cursor);
    check('a job finds what a query finds', seen.length > 5 && seen.every((one) => ids.includes(one.conversationId)));
    await call(analytics, 'deleteAnalyticsConversationsDetailsJob', [jobId], [204]);
  },

  async transcripts() {
    let read = 0;
    for (const id of ids) {
      if (read >= ENOUGH && live.length >= ENOUGH) break;
      const conversation = await call(conversations, 'getConversation', [id]);
      const connected = legsOf(conversation).some(({ person, leg }) => person.purpose === 'agent' && leg.state === 'connected' && leg.type === 'webmessaging');
      if (!conversation.endTime && connected) live.push(id);
      const wanted = messageIds(conversation);
      if (wanted.length === 0 || read >= ENOUGH) continue;
      read++;
      const bulk = await call(conversations, 'postConversationsMessageMessagesBulk', [id, { body: wanted }]);
      check('bulk gives messages of the conversation alone', bulk.entities.every((one) => wanted.includes(one.id)));
    }
    check('some conversations are live', live.length >= ENOUGH, String(live.length));
    await call(conversations, 'getConversationsMessage', [live[0]]);
    const [first] = messageIds(await call(conversations, 'getConversation', [live[0]]));
    await call(conversations, 'getConversationsMessageMessage', [live[0], first]);
    const details = await call(conversations, 'getConversationsMessageDetails', [first]);
    check('its conversation, without knowing it', details.conversationId === live[0]);
  },

  async events() {
    const channel = await call(notifications, 'postNotificationsChannels', []);
    await call(notifications, 'getNotificationsChannels', []);
    await call(notifications, 'headNotificationsChannel', [channel.id]);
    await call(notifications, 'getNotificationsAvailabletopics', []);
    const topics = [{ id: `v2.detail.events.conversation.${live[0]}.customer.end` }];
    await call(notifications, 'postNotificationsChannelSubscriptions', [channel.id, topics]);
    await call(notifications, 'getNotificationsChannelSubscriptions', [channel.id]);
    await call(notifications, 'putNotificationsChannelSubscriptions', [channel.id, topics]);
    await call(notifications, 'deleteNotificationsChannelSubscriptions', [channel.id], [200, 204]);
    const trigger = {
      name: 'guest ended', topicName: 'v2.detail.events.conversation.{id}.customer.end', enabled: true, eventTTLSeconds: 60,
      target: { type: 'Workflow', id: NOBODY, workflowTargetSettings: { dataFormat: 'TopLevelPrimitives' } },
      matchCriteria: [{ jsonPath: 'mediaType', operator: 'Equal', value: 'MESSAGE' }],
    };
    const made = await call(triggers, 'postProcessautomationTriggers', [trigger]);
    await call(triggers, 'getProcessautomationTriggers', []);
    await call(triggers, 'getProcessautomationTrigger', [made.id]);
    await call(triggers, 'putProcessautomationTrigger', [made.id, { ...trigger, enabled: false, version: made.version }]);
    await call(triggers, 'deleteProcessautomationTrigger', [made.id], [204]);
  },

  async 'open messaging'() {
    const request = {
      name: 'Portal', outboundNotificationWebhookUrl: 'https://hooks.example/genesys', webhookHeaders: { 'X-Env': 'test' },
      outboundNotificationWebhookSignatureSecretToken: 'a secret of more than sixteen letters',
    };
    const made = await call(conversations, 'postConversationsMessagingIntegrationsOpen', [request], [200, 202]);
    await call(conversations, 'getConversationsMessagingIntegrationsOpen', []);
    await call(conversations, 'getConversationsMessagingIntegrationsOpenIntegrationId', [made.id]);
    const from = { id: 'cust-78', idType: 'Opaque', nickname: 'Ben' };
    const time = '2026-03-02T09:14:02.118Z';
    const message = { channel: { messageId: 'crm-000223', time, from }, text: 'Hello from the portal' };
    const inbound = () => call(conversations, 'postConversationsMessageInboundOpenMessage', [made.id, message, { prefetchConversationId: true }], [200, 202]);
    const first = await inbound();
    check('the same message twice is one', first.id === (await inbound()).id);
    const event = { channel: { from, time }, events: [{ eventType: 'Typing' }] };
    await call(conversations, 'postConversationsMessageInboundOpenEvent', [made.id, event], [200, 202]);
    await call(conversations, 'patchConversationsMessagingIntegrationsOpenIntegrationId', [made.id, { name: 'Portal 2' }]);
    await call(conversations, 'deleteConversationsMessagingIntegrationsOpenIntegrationId', [made.id], [204]);
  },

  async sending() {
    talk = live.shift();
    const [, leg] = await agent(talk);
    await call(conversations, 'postConversationsMessageCommunicationTyping', [talk, leg, { typing: { type: 'On', duration: 5000 } }], [204]);
    const sent = await call(conversations, 'postConversationsMessageCommunicationMessages', [talk, leg, { textBody: 'It will arrive tomorrow.' }], [200, 202]);
    const read = () => call(conversations, 'getConversationsMessageMessage', [talk, sent.id]);
    const arrived = await until(read, (one) => ['delivery-success', 'read'].includes(one.status));
    check('it arrives', ['delivery-success', 'read'].includes(arrived.status), arrived.status);
  },

  async media() {
    const [, leg] = await agent(talk);
    const request = { fileName: 'map.png', contentLengthBytes: PNG.length, contentMd5: createHash('md5').update(PNG).digest('base64') };
    const place = await call(conversations, 'postConversationsMessageCommunicationMessagesMediaUploads', [talk, leg, request]);
    const put = await fetch(place.uploadUrl, { method: 'PUT', headers: place.uploadHeaders ?? {}, body: PNG });
    check('PUT uploadUrl', put.ok, String(put.status));
    const look = () => call(conversations, 'getConversationsMessageCommunicationMessagesMediaMediaId', [talk, leg, place.id]);
    check('the file is valid', (await until(look, (one) => one.status !== 'uploading')).status === 'valid');
    await call(conversations, 'postConversationsMessageCommunicationMessages', [talk, leg, { textBody: '', mediaIds: [place.id] }], [200, 202]);
  },

  async agentless() {
    const request = { fromAddress: '+15550199', toAddress: '+15550101', toAddressMessengerType: 'sms', textBody: 'Your order shipped.' };
    await call(conversations, 'postConversationsMessagesAgentless', [request], [200, 202]);
  },

  async ending() {
    const state = 'disconnected';
    let id = live.shift();
    let [person, leg] = await agent(id);
    const codes = await call(conversations, 'getConversationsMessageParticipantWrapupcodes', [id, person]);
    await call(conversations, 'patchConversationsMessageParticipantCommunication', [id, person, leg, { state }]);
    const wrapup = { code: codes[0].id, notes: 'customer_initiated' };
    await call(conversations, 'postConversationsMessageParticipantCommunicationWrapup', [id, person, leg, { body: wrapup }], [202]);
    await call(conversations, 'getConversationsMessageParticipantCommunicationWrapup', [id, person, leg]);
    await call(conversations, 'getConversationsMessageParticipantWrapup', [id, person]);
    await call(conversations, 'postConversationsMessageCommunicationMessages', [id, leg, { textBody: 'One more thing.' }], [409]);
    id = live.shift();
    [person, leg] = await agent(id);
    await call(conversations, 'putConversationTags', [id, { externalTag: 'CASE-1882' }], [202]);
    const attributes = { attributes: { 'crm.case': 'CASE-1882' } };
    await call(conversations, 'patchConversationParticipantAttributes', [id, person, attributes], [202]);
    await call(conversations, 'patchConversationsMessageParticipantAttributes', [id, person, { body: attributes }], [202]);
    await call(conversations, 'patchConversationsMessageParticipant', [id, person, { body: { state, wrapup: { code: codes[0].id } } }], [202]);
    check('the tag is kept', (await call(conversations, 'getConversation', [id])).externalTag === 'CASE-1882');
    await call(conversations, 'patchConversationsMessage', [live.shift(), { state }]);
    await call(conversations, 'postConversationDisconnect', [live.shift()], [202]);
    await call(conversations, 'deleteConversation', [live.shift()], [204]);
  },

  async recordings() {
    const id = ids[0];
    const look = () => call(recording, 'getConversationRecordings', [id, {}], [200, 202]);
    const found = await until(look, (answer) => Array.isArray(answer));
    if (found?.[0]) await call(recording, 'getConversationRecording', [id, found[0].id, { messageFormatId: 'NONE' }], [200, 202]);
    if (found?.[0]) await call(recording, 'putConversationRecording', [id, found[0].id, { deleteDate: '2030-01-01T00:00:00.000Z' }]);
    await call(recording, 'getConversationRecordingmetadata', [id]);
    const body = { conversationIds: [id] };
    await call(recording, 'putRecordingsDeletionprotection', [{ protect: true, body }], [200, 204]);
    const kept = await call(recording, 'postRecordingsDeletionprotection', [body]);
    check('the conversation is protected', kept.length === 1 && kept[0].id === id);
    await call(recording, 'putRecordingsDeletionprotection', [{ protect: false, body }], [200, 204]);
  },

  async removal() {
    const api = new platform.GeneralDataProtectionRegulationApi();
    const request = { requestType: 'GDPR_DELETE', subject: { name: 'Ana Example', emailAddresses: ['ana@example.org'] } };
    const made = await call(api, 'postGdprRequests', [request, { deleteConfirmed: true }], [200, 202]);
    await call(api, 'getGdprRequest', [made.id]);
    await call(api, 'getGdprRequests', []);
  },

  async settings() {
    await call(conversations, 'getConversationsMessagingThreadingtimeline', []);
    await call(organization, 'getOrganizationsLimitsNamespace', ['platform.api']);
    const deployments = new platform.WebDeploymentsApi();
    await call(deployments, 'getWebdeploymentsDeployments', []);
    await call(deployments, 'getWebdeploymentsDeployment', [ready.deployment_id]);
  },

  async refusals() {
    await call(conversations, 'getConversation', [NOBODY], [404]);
    await call(analytics, 'postAnalyticsConversationsDetailsQuery', [query({ paging: { pageSize: 101, pageNumber: 1 } })], [400]);
    await call(analytics, 'postAnalyticsConversationsDetailsQuery', [query({ interval: interval(40) })], [400]);
    await call(tokens, 'deleteTokensMe', []);
    await call(tokens, 'getTokensMe', [], [401]);
  },
};

for (const [job, run] of Object.entries(jobs)) {
  protocol.job = job;
  try {
    await run();
  } catch (error) {
    check(`(${job} as a whole)`, false, String(error));
  }
}
console.log(JSON.stringify({ sdk: 'javascript', done: true }));
