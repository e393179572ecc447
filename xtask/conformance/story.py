"""One story, told by the vendor's SDK and a guest of its own, and what a tenant looks like afterwards.

`story.py plan` says what is to be done in the tenant of FRONTDESK_SANDBOX, `story.py act PLAN` does it with the SDK, and
`story.py state PLAN` says how the tenant then stands: without ids and times, so that two tenants can be compared. Who acted,
the SDK or Frontdesk, must not be seen in it.
"""

import json
import sys
import urllib.request

import PureCloudPlatformClientV2 as platform

from fidelity import WatchedClient
from guest import Guest
from scenario import NOBODY, READY, SOCKET_URL, connected, interval, until

TEXT = "Your parcel left this morning."
TOPIC = "v2.detail.events.conversation.{id}.customer.start"
TRIGGER = "CRM_Session_Sync"


class Story:
    def __init__(self):
        self.client = connected(WatchedClient())
        self.client.get_client_credentials_token(READY["client_id"], READY["client_secret"])
        self.conversations = platform.ConversationsApi(self.client)
        self.triggers = platform.ProcessAutomationApi(self.client)
        self.of = self.client.of

    def agent(self, conversation):
        """The participant who is an agent on a connected leg over web messaging, with that leg."""
        for person in conversation.participants:
            for leg in person.messages or []:
                if person.purpose == "agent" and leg.state == "connected" and leg.type == "webmessaging":
                    return person, leg
        return None

    def plan(self):
        """The first three conversations that are live, and what is to become of each."""
        query = self.of("ConversationQuery", {
            "interval": interval(31), "order": "asc", "orderBy": "conversationStart",
            "paging": {"pageSize": 100, "pageNumber": 1},
        })
        found = platform.AnalyticsApi(self.client).post_analytics_conversations_details_query(query)
        live = []
        for one in found.conversations:
            conversation = self.conversations.get_conversation(one.conversation_id)
            if self.agent(conversation):
                live.append(conversation)
            if len(live) == 3:
                break
        written, coded, plain = live
        person, _ = self.agent(coded)
        codes = self.conversations.get_conversations_message_participant_wrapupcodes(coded.id, person.id)
        customer = next(person for person in written.participants if person.purpose == "customer")
        return {
            "open": {"guest_id": "visitor-7", "source": "web_portal"},
            "send": {"conversation": written.id, "sender": self.agent(written)[0].user_id, "to": customer.id, "text": TEXT},
            "end": [
                {"guest_id": coded.id, "reason": "timeout", "external_ref": "CASE-7"},
                {"guest_id": plain.id, "reason": "customer_initiated"},
            ],
            "codes": {"timeout": codes[0].id},
            "workflow": NOBODY,
        }

    def act(self, plan):
        guest = Guest(SOCKET_URL, READY["deployment_id"])
        guest.configure()
        guest.join(**{"guest.id": plan["open"]["guest_id"], "source": plan["open"]["source"]})
        send = plan["send"]
        _, leg = self.agent(self.conversations.get_conversation(send["conversation"]))
        message = self.of("AdditionalMessage", {"textBody": send["text"]})
        self.conversations.post_conversations_message_communication_messages(send["conversation"], leg.id, message)
        for end in plan["end"]:
            id, code = end["guest_id"], plan["codes"].get(end["reason"])
            if "external_ref" in end:
                tag = self.of("ConversationTagsUpdate", {"externalTag": end["external_ref"]})
                self.conversations.put_conversation_tags(id, tag)
            if code:
                person, _ = self.agent(self.conversations.get_conversation(id))
                body = {"state": "disconnected", "wrapup": {"code": code, "notes": end["reason"]}}
                body = self.of("MediaParticipantRequest", body)
                # With the last agent the conversation is over: ending that, too, would be a conflict.
                self.conversations.patch_conversations_message_participant(id, person.id, body=body)
            else:
                self.conversations.patch_conversations_message(id, self.of("Conversation", {"state": "disconnected"}))
        self.triggers.post_processautomation_triggers(self.of("CreateTriggerRequest", {
            "name": TRIGGER, "topicName": TOPIC, "enabled": True,
            "target": {"type": "Workflow", "id": plan["workflow"], "workflowTargetSettings": {"dataFormat": "TopLevelPrimitives"}},
            "matchCriteria": [{"jsonPath": "mediaType", "operator": "Equal", "value": "MESSAGE"}],
        }))

    def state(self, plan):
        ids = [plan["send"]["conversation"], *(end["guest_id"] for end in plan["end"])]
        triggers = self.triggers.get_processautomation_triggers().entities or []
        return {
            "conversations": [self.conversation(id) for id in ids],
            "triggers": [[one.name, one.topic_name, one.enabled, one.target.type, one.target.id,
                          [[rule.json_path, rule.operator, rule.value] for rule in one.match_criteria]] for one in triggers],
            "taken": self.taken(),
            "opened": self.opened(plan["open"]),
        }

    def conversation(self, id):
        """How a conversation stands, once the messages in it have come as far as they will."""
        under_way = ("queued", "sent")
        texts = until(lambda: self.texts(id), lambda texts: not any(status in under_way for *_, status in texts))
        one = self.conversations.get_conversation(id)
        people = [
            [person.purpose, person.wrapup.code if person.wrapup else None, person.wrapup.notes if person.wrapup else None,
             [[leg.state, leg.disconnect_type, leg.type, len(leg.messages or [])] for leg in person.messages or []]]
            for person in one.participants
        ]
        return {"tag": one.external_tag, "ended": one.end_time is not None, "people": people, "texts": texts}

    def texts(self, id):
        one = self.conversations.get_conversation(id)
        ids = {message.message_id for person in one.participants for leg in person.messages or [] for message in leg.messages or []}
        said = self.conversations.post_conversations_message_messages_bulk(id, body=sorted(ids)).entities
        said.sort(key=lambda message: message.timestamp)
        return [[message.direction, message.normalized_message.text, message.status] for message in said]

    def taken(self):
        """What the sandbox itself says was sent."""
        return [[line["conversation_id"], line["content"], line["status"]] for line in self.told("messages")]

    def opened(self, wanted):
        """What it says of sessions that were opened. Attributes that the plan does not name are the client's own affair."""
        named = {"guest.id": wanted["guest_id"], "source": wanted["source"]}
        return [[line["state"], line["posts"], {name: line["attributes"].get(name) for name in named}] for line in self.told("sessions")]

    def told(self, what):
        with urllib.request.urlopen(f"{READY['base_url']}/_sandbox/{what}") as answer:
            return [json.loads(line) for line in answer.read().splitlines()]


def main(what, plan="null"):
    story, plan = Story(), json.loads(plan)
    if what == "plan":
        print(json.dumps(story.plan()))
    elif what == "act":
        story.act(plan)
    else:
        print(json.dumps(story.state(plan), indent=1, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
