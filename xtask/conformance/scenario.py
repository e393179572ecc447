"""Every operation of the platform contract that Frontdesk uses, driven with the vendor's Python SDK.

Reads the sandbox's ready line from FRONTDESK_SANDBOX, writes one JSON object a line about each call.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.request
from base64 import b64encode
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import PureCloudPlatformClientV2 as platform
import websocket

from fidelity import Protocol, WatchedClient
from guest import PATIENCE_SECONDS, Guest

READY = json.loads(os.environ["FRONTDESK_SANDBOX"])
# So many transcripts are read, and so many live conversations are looked for.
ENOUGH = 10
SOCKET_URL = f"ws://{urlsplit(READY['platform_url']).netloc}/v1"
NOBODY = "00000000-0000-4000-8000-000000000000"
PNG = bytes.fromhex("89504e470d0a1a0a") + b"no picture, but the bytes of one"


def write(line):
    print(json.dumps(line), flush=True)


def connected(client):
    """The SDK's client, led to the sandbox as to any gateway."""
    api, login = urlsplit(READY["platform_url"]), urlsplit(READY["platform_login_url"])
    client.set_gateway(api.hostname, "http", api.port, login.path, api.path)
    return client


def until(look, done):
    """Looks again and again until it is done, or a look fails, which is told; the last look."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while (seen := look()) is not None and not done(seen) and time.monotonic() < ends:
        time.sleep(0.05)
    return seen


def interval(days):
    """The tenant's first days, as the contract writes an interval."""
    start = datetime.fromisoformat(READY["from"].replace("Z", "+00:00"))
    return "/".join(f"{moment:%Y-%m-%dT%H:%M:%S}.000Z" for moment in (start, start + timedelta(days=days)))


class Scenario:
    def __init__(self):
        self.client = connected(WatchedClient())
        self.protocol = Protocol(self.client, "python", write)
        self.call, self.check, self.of = self.protocol.call, self.protocol.check, self.client.of
        self.conversations = platform.ConversationsApi(self.client)
        self.analytics = platform.AnalyticsApi(self.client)
        self.recording = platform.RecordingApi(self.client)
        self.notifications = platform.NotificationsApi(self.client)
        self.triggers = platform.ProcessAutomationApi(self.client)
        self.ids, self.live = [], []

    def run(self):
        """One job after the other. What breaks one of them is told, and the next one goes on."""
        jobs = [
            self.tokens, self.details, self.jobs, self.transcripts, self.events, self.guest, self.open_messaging,
            self.sending, self.media, self.agentless, self.ending, self.recordings, self.removal, self.settings,
            self.refusals,
        ]
        for job in jobs:
            self.protocol.job = job.__name__.replace("_", " ")
            try:
                job()
            except Exception as error:
                self.check(f"({self.protocol.job} as a whole)", False, f"{type(error).__name__}: {error}")
        write({"sdk": "python", "done": True})

    def tokens(self):
        self.client.get_client_credentials_token(READY["client_id"], READY["client_secret"])
        self.check("POST /oauth/token", bool(self.client.access_token))
        tokens = platform.TokensApi(self.client)
        me = self.call(tokens.get_tokens_me)
        self.call(tokens.head_tokens_me)
        organization = self.call(platform.OrganizationApi(self.client).get_organizations_me)
        self.check("the token is this organisation's", me.organization.id == organization.id)

    def query(self, **fields):
        body = {"interval": interval(7), "order": "asc", "orderBy": "conversationStart"} | fields
        body.setdefault("paging", {"pageSize": 100, "pageNumber": 1})
        return self.of("ConversationQuery", body)

    def details(self):
        query = self.analytics.post_analytics_conversations_details_query
        number, seen = 1, []
        while True:
            page = self.call(query, self.query(interval=interval(31), paging={"pageSize": 10, "pageNumber": number}))
            if not page.conversations:
                break
            seen += page.conversations
            number += 1
        self.check("an empty page has no `conversations`", '"conversations"' not in self.client.last_response.data)
        self.ids = list(dict.fromkeys(conversation.conversation_id for conversation in seen))
        self.check("conversations were found", len(self.ids) >= 10, f"{len(self.ids)}")
        with_attributes = [person for one in seen for person in one.participants or [] if getattr(person, "attributes", None)]
        self.check("the synchronous query has no attributes", not with_attributes)
        ended = {"type": "and", "predicates": [{"dimension": "conversationEnd", "operator": "exists"}]}
        web = {"type": "or", "predicates": [{"dimension": "messageType", "value": "webmessaging"}]}
        page = self.call(query, self.query(conversationFilters=[ended], segmentFilters=[web]))
        kinds = {session.message_type for one in page.conversations for person in one.participants for session in person.sessions}
        self.check("the filter holds", kinds == {"webmessaging"}, str(kinds))
        self.check("and each has ended", all(one.conversation_end for one in page.conversations))
        one = self.call(self.analytics.get_analytics_conversation_details, self.ids[0])
        self.check("it is the one that was asked for", one.conversation_id == self.ids[0])
        several = self.call(self.analytics.get_analytics_conversations_details, id=self.ids[:3])
        self.check("three by their ids", {one.conversation_id for one in several.conversations} == set(self.ids[:3]))

    def jobs(self):
        available = self.call(self.analytics.get_analytics_conversations_details_jobs_availability)
        self.check("the lake has a date", available.data_availability_date is not None)
        body = self.of("AsyncConversationQuery", {"interval": interval(31), "order": "asc", "startOfDayIntervalMatching": True})
        job = self.call(self.analytics.post_analytics_conversations_details_jobs, body, expect=(202,)).job_id
        look = lambda: self.call(self.analytics.get_analytics_conversations_details_job, job, expect=(200, 202))
        state = until(look, lambda status: status.state not in ("QUEUED", "PENDING")).state
        self.check("the job is fulfilled", state == "FULFILLED", state)
        results = self.analytics.get_analytics_conversations_details_job_results
        seen, cursor = [], None
        while True:
            page = self.call(results, job, page_size=5, **({"cursor": cursor} if cursor else {}))
            seen += page.conversations or []
            cursor = page.cursor
            if not cursor:
                break
        self.check("a job finds what a query finds", {one.conversation_id for one in seen} <= set(self.ids) and len(seen) > 5)
        self.check("and has attributes", any(person.attributes for one in seen for person in one.participants))
        self.call(self.analytics.delete_analytics_conversations_details_job, job, expect=(204,))

    def message_ids(self, conversation):
        """Every message id of a conversation, each once (platform contract C.4.4)."""
        legs = [leg for person in conversation.participants for leg in person.messages or []]
        return list(dict.fromkeys(message.message_id for leg in legs for message in leg.messages or []))

    def transcripts(self):
        read = 0
        for id in self.ids:
            if read >= ENOUGH and len(self.live) >= ENOUGH:
                break
            conversation = self.call(self.conversations.get_conversation, id)
            legs = [leg for person in conversation.participants if person.purpose == "agent" for leg in person.messages or []]
            if not conversation.end_time and any(leg.state == "connected" and leg.type == "webmessaging" for leg in legs):
                self.live.append(id)
            wanted = self.message_ids(conversation)
            if not wanted or read >= ENOUGH:
                continue
            read += 1
            bulk = self.call(self.conversations.post_conversations_message_messages_bulk, id, body=wanted)
            self.check("bulk gives messages of the conversation alone", {one.id for one in bulk.entities} <= set(wanted))
            self.check("and each names it", all(one.conversation_id == id for one in bulk.entities))
        self.check("transcripts were read", read > 0)
        self.check("some conversations are live", len(self.live) >= ENOUGH, f"{len(self.live)}")
        view = self.call(self.conversations.get_conversations_message, self.live[0])
        of_view = {message.message_id for person in view.participants for message in person.messages or []}
        wanted = self.message_ids(self.call(self.conversations.get_conversation, self.live[0]))
        self.check("both views list the same messages", of_view == set(wanted))
        one = self.call(self.conversations.get_conversations_message_message, self.live[0], wanted[0])
        self.check("one message by its id", one.id == wanted[0])
        details = self.call(self.conversations.get_conversations_message_details, wanted[0])
        self.check("its conversation, without knowing it", details.conversation_id == self.live[0])

    def legs(self, id, purpose="agent"):
        """Participant and connected communication of a conversation's agent or customer."""
        conversation = self.call(self.conversations.get_conversation, id)
        for person in conversation.participants:
            for leg in person.messages or []:
                if person.purpose == purpose and leg.state == "connected":
                    return person.id, leg.id
        raise ValueError(f"{id} has no connected {purpose}")

    def events(self):
        channel = self.call(self.notifications.post_notifications_channels)
        self.call(self.notifications.get_notifications_channels)
        self.call(self.notifications.head_notifications_channel, channel.id)
        self.call(self.notifications.get_notifications_availabletopics)
        ends = f"v2.detail.events.conversation.{self.live[0]}.customer.end"
        topics = [self.of("ChannelTopic", {"id": ends})]
        post = self.notifications.post_notifications_channel_subscriptions
        self.call(post, channel.id, topics)
        listed = self.call(self.notifications.get_notifications_channel_subscriptions, channel.id)
        self.check("the subscription is listed", [topic.id for topic in listed.entities] == [ends])
        socket = websocket.create_connection(channel.connect_uri, timeout=PATIENCE_SECONDS)
        socket.send(json.dumps({"message": "ping"}))
        heard = json.loads(socket.recv())
        self.check("a ping is answered", heard["topicName"] == "channel.metadata", str(heard))
        disconnected = self.of("Conversation", {"state": "disconnected"})
        self.call(self.conversations.patch_conversations_message, self.live.pop(0), disconnected)
        while heard["topicName"] != ends:
            heard = json.loads(socket.recv())
        kind = "CustomerEndDetailEventTopicCustomerEndEvent"
        lost = self.client.lost_of(json.dumps(heard["eventBody"]), kind, self.client._ApiClient__deserialize(heard["eventBody"], kind))
        self.client.model = kind
        self.protocol.tell(f"event {ends.replace(ends.split('.')[4], '{id}')}", 0, lost)
        socket.close()
        self.call(self.notifications.put_notifications_channel_subscriptions, channel.id, topics)
        self.call(self.notifications.delete_notifications_channel_subscriptions, channel.id, expect=(200, 204))
        trigger = {
            "name": "guest ended", "topicName": "v2.detail.events.conversation.{id}.customer.end", "enabled": True,
            "target": {"type": "Workflow", "id": NOBODY, "workflowTargetSettings": {"dataFormat": "TopLevelPrimitives"}},
            "matchCriteria": [{"jsonPath": "mediaType", "operator": "Equal", "value": "MESSAGE"}], "eventTTLSeconds": 60,
        }
        made = self.call(self.triggers.post_processautomation_triggers, self.of("CreateTriggerRequest", trigger))
        listed = self.call(self.triggers.get_processautomation_triggers)
        self.check("the trigger is listed", made.id in [one.id for one in listed.entities])
        self.call(self.triggers.get_processautomation_trigger, made.id)
        changed = trigger | {"enabled": False, "version": made.version}
        changed = self.call(self.triggers.put_processautomation_trigger, made.id, self.of("UpdateTriggerRequest", changed))
        self.check("and can be switched off", changed.enabled is False and changed.version > made.version)
        self.call(self.triggers.delete_processautomation_trigger, made.id, expect=(204,))

    def guest(self):
        guest = Guest(SOCKET_URL, READY["deployment_id"])
        early = guest.say("Is anybody there?")
        self.check("a message before configureSession: 4007", early["code"] == 4007, str(early))
        session = guest.configure()
        self.check("configureSession: a new session", session["code"] == 200 and session["body"]["newSession"], str(session))
        echo = guest.say("Where is my parcel?", source="web_portal", consent="2026-03-02T09:00:00Z")
        body = echo["body"]
        self.check("the echo has an id and a time", len(body["id"]) == 32 and body["channel"]["time"], str(echo))
        self.check("and is the guest's", body["direction"] == "Inbound" and body["text"] == "Where is my parcel?")
        self.check("too long: 4011", guest.say("x" * 5000)["code"] == 4011)
        self.check("attributes too large: 4013", guest.say("x", large="y" * 3000)["code"] == 4013)
        details = self.call(self.conversations.get_conversations_message_details, body["id"])
        conversation = self.call(self.conversations.get_conversation, details.conversation_id)
        customer = next(person for person in conversation.participants if person.purpose == "customer")
        self.check("the attributes are the participant's", customer.attributes["source"] == "web_portal")
        again = Guest(SOCKET_URL, READY["deployment_id"])
        again.token = guest.token
        self.check("the same token is the same session", again.configure()["body"]["newSession"] is False)
        jwt = guest.jwt()
        reader = connected(WatchedClient())
        reader.set_default_header("Authorization", f"Bearer {jwt}")
        history = platform.WebMessagingApi(reader).get_webmessaging_messages
        protocol = Protocol(reader, "python", write)
        protocol.job = self.protocol.job
        page = protocol.call(history, page_size=25, page_number=1, throttled=False)
        self.check("the guest's history has the message", body["id"] in [one.id for one in page.entities])
        beyond = protocol.call(history, page_size=25, page_number=page.page_count + 1, throttled=False)
        self.check("beyond its end there is nothing", not beyond.entities and beyond.total == page.total)
        self.staff_ends(guest, details.conversation_id)
        closed = guest.close()
        self.check("closeSession ends it", closed["body"].get("connected") is False, str(closed))

    def staff_ends(self, guest, id):
        """What the staff does is seen by the guest."""
        disconnected = self.of("Conversation", {"state": "disconnected"})
        self.call(self.conversations.patch_conversations_message, id, disconnected)
        def is_end(frame):
            events = frame["body"].get("events") or [] if isinstance(frame["body"], dict) else []
            return any(event.get("presence", {}).get("type") == "Disconnect" for event in events)
        self.check("the guest hears of the end", guest.next_push(is_end)["body"]["direction"] == "Outbound")

    def open_messaging(self):
        api = self.conversations
        secret = "a secret of more than sixteen letters"
        request = {"name": "Portal", "outboundNotificationWebhookUrl": "https://hooks.example/genesys",
                   "outboundNotificationWebhookSignatureSecretToken": secret, "webhookHeaders": {"X-Env": "test"}}
        made = self.call(api.post_conversations_messaging_integrations_open, self.of("OpenIntegrationRequest", request), expect=(200, 202))
        self.call(api.get_conversations_messaging_integrations_open)
        self.call(api.get_conversations_messaging_integrations_open_integration_id, made.id)
        sender = {"id": "cust-77", "idType": "Opaque", "nickname": "Ana"}
        time_ = "2026-03-02T09:14:02.118Z"
        message = self.of("OpenInboundNormalizedMessage", {
            "channel": {"messageId": "crm-000123", "time": time_, "from": sender}, "text": "Hello from the portal",
            "metadata": {"source": "portal"}})
        inbound = lambda: self.call(api.post_conversations_message_inbound_open_message, made.id, message,
                                    prefetch_conversation_id=True, expect=(200, 202))
        first, second = inbound(), inbound()
        self.check("the same message twice is one", first.id == second.id)
        conversation = self.call(api.get_conversation, first.conversation_id)
        self.check("and it is in its conversation once", self.message_ids(conversation) == [first.id])
        event = {"channel": {"from": sender, "time": time_}, "events": [{"eventType": "Typing"}]}
        self.call(api.post_conversations_message_inbound_open_event, made.id, self.of("OpenInboundNormalizedEvent", event), expect=(200, 202))
        self.call(api.patch_conversations_messaging_integrations_open_integration_id, made.id,
                  self.of("OpenIntegrationUpdateRequest", {"name": "Portal 2"}))
        self.call(api.delete_conversations_messaging_integrations_open_integration_id, made.id, expect=(204,))

    def sending(self):
        self.talk = self.live.pop(0)
        _, leg = self.legs(self.talk)
        typing = self.of("MessageTypingEventRequest", {"typing": {"type": "On", "duration": 5000}})
        self.call(self.conversations.post_conversations_message_communication_typing, self.talk, leg, typing, expect=(204,))
        text = self.of("AdditionalMessage", {"textBody": "It will arrive tomorrow."})
        send = self.conversations.post_conversations_message_communication_messages
        sent = self.call(send, self.talk, leg, text, expect=(200, 202))
        read = lambda: self.call(self.conversations.get_conversations_message_message, self.talk, sent.id)
        arrived = until(read, lambda one: one.status in ("delivery-success", "read"))
        self.check("it arrives", arrived.status in ("delivery-success", "read"), arrived.status)
        receipts = [receipt.status for receipt in arrived.normalized_receipts or []]
        self.check("and its receipt says so", "Delivered" in receipts, str(receipts))
        again = self.call(send, self.talk, leg, text, expect=(200, 202))
        self.check("nothing de-duplicates: the same text is another message", again.id != sent.id)

    def media(self):
        _, leg = self.legs(self.talk)
        md5 = b64encode(hashlib.md5(PNG).digest()).decode()
        request = self.of("UploadMediaRequest", {"fileName": "map.png", "contentLengthBytes": len(PNG), "contentMd5": md5})
        upload = self.conversations.post_conversations_message_communication_messages_media_uploads
        place = self.call(upload, self.talk, leg, request)
        put = urllib.request.Request(place.upload_url, PNG, place.upload_headers or {}, method="PUT")
        with urllib.request.urlopen(put, timeout=PATIENCE_SECONDS) as answer:
            self.check("PUT uploadUrl", answer.status in (200, 204), str(answer.status))
        look = lambda: self.call(self.conversations.get_conversations_message_communication_messages_media_media_id, self.talk, leg, place.id)
        self.check("the file is valid", until(look, lambda one: one.status != "uploading").status == "valid")
        send = self.conversations.post_conversations_message_communication_messages
        sent = self.call(send, self.talk, leg, self.of("AdditionalMessage", {"textBody": "", "mediaIds": [place.id]}), expect=(200, 202))
        read = self.call(self.conversations.get_conversations_message_message, self.talk, sent.id)
        files = [one.attachment.filename for one in read.normalized_message.content or [] if one.content_type == "Attachment"]
        self.check("the message has the file", files == ["map.png"], str(files))

    def agentless(self):
        request = {"fromAddress": "+15550199", "toAddress": "+15550100", "toAddressMessengerType": "sms", "textBody": "Your order shipped."}
        body = self.of("SendAgentlessOutboundMessageRequest", request)
        sent = self.call(self.conversations.post_conversations_messages_agentless, body, expect=(200, 202))
        self.check("it has a conversation", bool(sent.conversation_id))

    def ending(self):
        api = self.conversations
        disconnected = {"state": "disconnected"}
        # One communication.
        id = self.live.pop(0)
        person, leg = self.legs(id)
        codes = self.call(api.get_conversations_message_participant_wrapupcodes, id, person)
        self.call(api.patch_conversations_message_participant_communication, id, person, leg,
                  body=self.of("MediaParticipantRequest", disconnected))
        wrapup = self.of("WrapupInput", {"code": codes[0].id, "notes": "customer_initiated"})
        self.call(api.post_conversations_message_participant_communication_wrapup, id, person, leg, body=wrapup, expect=(202,))
        kept = self.call(api.get_conversations_message_participant_communication_wrapup, id, person, leg)
        self.check("the wrap-up is kept", kept.code == codes[0].id and kept.notes == "customer_initiated")
        self.call(api.get_conversations_message_participant_wrapup, id, person)
        text = self.of("AdditionalMessage", {"textBody": "One more thing."})
        self.call(api.post_conversations_message_communication_messages, id, leg, text, expect=(409,))
        # A participant, with the wrap-up in one.
        id = self.live.pop(0)
        person, leg = self.legs(id)
        self.call(api.put_conversation_tags, id, self.of("ConversationTagsUpdate", {"externalTag": "CASE-1881"}), expect=(202,))
        attributes = self.of("ParticipantAttributes", {"attributes": {"crm.case": "CASE-1881"}})
        self.call(api.patch_conversation_participant_attributes, id, person, attributes, expect=(202,))
        self.call(api.patch_conversations_message_participant_attributes, id, person, body=attributes, expect=(202,))
        with_wrapup = self.of("MediaParticipantRequest", disconnected | {"wrapup": {"code": codes[0].id}})
        self.call(api.patch_conversations_message_participant, id, person, body=with_wrapup, expect=(202,))
        seen = self.call(api.get_conversation, id)
        self.check("the tag is kept", seen.external_tag == "CASE-1881")
        mine = next(one for one in seen.participants if one.id == person)
        self.check("and the attribute", mine.attributes["crm.case"] == "CASE-1881")
        # The conversation, the emergency, and for good.
        for end in (
            lambda id: self.call(api.patch_conversations_message, id, self.of("Conversation", disconnected)),
            lambda id: self.call(api.post_conversation_disconnect, id, expect=(202,)),
            lambda id: self.call(api.delete_conversation, id, expect=(204,)),
        ):
            id = self.live.pop(0)
            end(id)
            seen = self.call(api.get_conversation, id)
            states = {leg.state for person in seen.participants for leg in person.messages or []}
            self.check("every leg is over", seen.end_time and states == {"disconnected"}, str(states))

    def status(self):
        """The last answer's."""
        return self.client.last_response.status if self.client.last_response else 0

    def recordings(self):
        api, id = self.recording, self.ids[0]
        look = lambda: self.call(api.get_conversation_recordings, id, expect=(200, 202))
        found = until(look, lambda answer: isinstance(answer, list) and self.status() != 202)
        if found:
            self.call(api.get_conversation_recording, id, found[0].id, expect=(200, 202), message_format_id="NONE")
            gone = self.of("Recording", {"deleteDate": "2030-01-01T00:00:00.000Z"})
            kept = self.call(api.put_conversation_recording, id, found[0].id, gone)
            self.check("its deletion is planned", kept.delete_date is not None)
        self.call(api.get_conversation_recordingmetadata, id)
        held = self.of("ConversationDeletionProtectionQuery", {"conversationIds": [id]})
        self.call(api.put_recordings_deletionprotection, protect=True, body=held, expect=(200, 204))
        protected = self.call(api.post_recordings_deletionprotection, held)
        self.check("the conversation is protected", [one.id for one in protected] == [id])
        self.call(api.put_recordings_deletionprotection, protect=False, body=held, expect=(200, 204))

    def removal(self):
        api = platform.GeneralDataProtectionRegulationApi(self.client)
        request = self.of("GDPRRequest", {"requestType": "GDPR_DELETE", "subject": {"name": "Ana Example", "emailAddresses": ["ana@example.org"]}})
        made = self.call(api.post_gdpr_requests, request, delete_confirmed=True, expect=(200, 202))
        self.call(api.get_gdpr_request, made.id)
        self.call(api.get_gdpr_requests)

    def settings(self):
        window = self.call(self.conversations.get_conversations_messaging_threadingtimeline)
        self.check("the threading window is known", bool(window.settings))
        organization = platform.OrganizationApi(self.client)
        self.call(organization.get_organizations_limits_namespace, "platform.api")
        deployments = platform.WebDeploymentsApi(self.client)
        self.call(deployments.get_webdeployments_deployments)
        deployment = self.call(deployments.get_webdeployments_deployment, READY["deployment_id"])
        self.check("the deployment is active", deployment.status == "Active")

    def refusals(self):
        """Errors are published too: their bodies and their statuses."""
        self.call(self.conversations.get_conversation, NOBODY, expect=(404,))
        self.call(self.conversations.get_conversations_message_message, self.talk, "f" * 32, expect=(404,))
        query = self.analytics.post_analytics_conversations_details_query
        self.call(query, self.query(paging={"pageSize": 101, "pageNumber": 1}), expect=(400,))
        self.call(query, self.query(interval=interval(40)), expect=(400,))
        self.call(query, self.query(interval="/".join(reversed(interval(7).split("/")))), expect=(400,))
        _, leg = self.legs(self.talk)
        two_kinds = self.of("AdditionalMessage", {"textBody": "two kinds", "mediaIds": [NOBODY]})
        self.call(self.conversations.post_conversations_message_communication_messages, self.talk, leg, two_kinds, expect=(400,))
        for token in ("garbage", ""):
            stranger = connected(WatchedClient())
            stranger.access_token = token
            protocol = Protocol(stranger, "python", write)
            protocol.job = self.protocol.job
            protocol.call(platform.TokensApi(stranger).get_tokens_me, expect=(401,), throttled=False)
        try:
            connected(WatchedClient()).get_client_credentials_token(READY["client_id"], "wrong")
            self.check("a wrong secret is refused", False)
        except platform.rest.ApiException as error:
            body = json.loads(error.body)
            self.check("a wrong secret is refused", error.status in (400, 401) and body["error"] == "invalid_client", error.body)
        # Last, for this token is no more.
        tokens = platform.TokensApi(self.client)
        self.call(tokens.delete_tokens_me)
        self.call(tokens.get_tokens_me, expect=(401,), throttled=False)


if __name__ == "__main__":
    Scenario().run()
