//! Messages to be sent (contract §4): drafts, the rules of the channel and the sender, and the simulator's sequence.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frontdesk_domain::conversation::Conversation;
use frontdesk_domain::outbound::{
    AttachmentDraft, CheckedMessage, MessageDraft, OutboundMessage, SMS_ATTACHMENT_BYTES, Simulator,
};
use frontdesk_domain::{ConversationId, Violations};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    lines: Vec<String>,
}

fn good() -> MessageDraft {
    MessageDraft::new().conversation_id("c-1").from("agent-7").to("guest-1").kind("text/plain").text("Hello")
}

#[test]
fn a_message_to_an_address_is_checked_by_itself() {
    let draft = || {
        MessageDraft::new()
            .messenger("sms")
            .from("+12025550100")
            .to("+12025550123")
            .kind("text/plain")
            .text("Hi")
    };
    let checked = draft().check().unwrap().message;
    assert!(checked.conversation().is_none());
    let rules = |draft: MessageDraft| -> Vec<&'static str> {
        draft.check().unwrap_err().iter().map(|violation| violation.rule).collect()
    };
    assert_eq!(rules(draft().conversation_id("c-1")), ["agentless.conversation"]);
    assert_eq!(rules(draft().to("+12025550124")), ["agentless.recipients"]);
    assert_eq!(rules(draft().kind("text/html")), ["channel.plain_text"]);
    assert_eq!(rules(draft().text("x".repeat(766))), ["channel.text_length"]);
    assert_eq!(
        rules(draft().attachment(AttachmentDraft::of_bytes("a.png", b"PNG"))),
        ["agentless.attachments"]
    );
    assert_eq!(rules(draft().messenger("whatsapp")), ["agentless.template"]);
    assert_eq!(rules(draft().messenger("smss")), ["message.messenger"]);
    let no_number = br#"{"messenger": "sms", "from": "+1", "to": ["202"], "type": "text/plain", "content": "x", "join_active": 1}"#;
    assert_eq!(rules(MessageDraft::read(no_number).unwrap()), ["field.type", "agentless.number"]);
    let no_messenger = br#"{"conversation_id": "c", "from": "a", "to": ["b"], "type": "text/plain", "content": "x", "join_active": true}"#;
    assert_eq!(rules(MessageDraft::read(no_messenger).unwrap()), ["agentless.messenger"]);

    // Over another messenger, or joining what goes on, it is another message; in a conversation of that name, too.
    let digests: HashSet<String> = [
        draft(),
        draft().join_active(true),
        draft().messenger("open"),
        MessageDraft::new()
            .conversation_id("sms")
            .from("+12025550100")
            .to("+12025550123")
            .kind("text/plain")
            .text("Hi"),
    ]
    .map(|draft| draft.check().unwrap().message.digest())
    .into();
    assert_eq!(digests.len(), 4);
    let lane = |draft: MessageDraft| draft.check().unwrap().message.lane();
    assert_eq!(lane(draft()), lane(draft().text("Bye")));
    assert_ne!(lane(draft()), lane(draft().from("+12025550101")));
}

fn message(draft: &MessageDraft) -> OutboundMessage {
    draft.check().unwrap().message
}

fn rules(refused: &Violations) -> Vec<&str> {
    refused.iter().map(|violation| violation.rule).collect()
}

/// A conversation over this channel, with an agent, a customer, and one who is both.
fn conversation(channel: Option<&str>) -> Conversation {
    let party = |role: &str, from: &str| json!({"id": format!("p-{role}-{from}"), "role": role, "from": {"id": from}});
    let mut body = json!({"id": "c-1", "participants": [
        party("customer", "guest-1"), party("agent", "agent-7"), party("customer", "both"), party("agent", "both"),
        party("acd", "queue-1"), {"id": "p-nobody", "role": "agent"},
    ]});
    if let Some(channel) = channel {
        body["channelType"] = channel.into();
    }
    Conversation::read(&ConversationId::new("c-1").unwrap(), body.to_string().as_bytes()).unwrap()
}

fn against(draft: &MessageDraft, channel: Option<&str>) -> Vec<String> {
    match message(draft).check_against(&conversation(channel)) {
        Ok(()) => Vec::new(),
        Err(refused) => rules(&refused).into_iter().map(str::to_owned).collect(),
    }
}

#[test]
fn cases() {
    let report = of_area::<Lines>("outbound", |case| {
        let mut out = Vec::new();
        for line in &case.body.lines {
            out.push(shown(line.as_bytes()));
            match MessageDraft::read(line.as_bytes()).map(|draft| draft.check()) {
                Err(_) => out.push("  no JSON object".to_owned()),
                Ok(Ok(CheckedMessage { message, findings })) => {
                    out.push(format!("  {}", String::from_utf8(message.body()).unwrap()));
                    out.extend(findings.iter().map(|found| format!("  found {found} [{}]", found.rule)));
                }
                Ok(Err(refused)) => {
                    out.extend(refused.iter().map(|found| format!("  {found} [{}]", found.rule)));
                }
            }
        }
        out
    });
    insta::assert_snapshot!(report);
}

/// Who may send: a participant with the role agent, whatever else they are (contract §4).
#[test]
fn the_sender_takes_part_as_an_agent() {
    for (sender, wanted) in [
        ("agent-7", [].as_slice()),
        ("both", &[]),
        ("guest-1", &["sender.role"]),
        ("queue-1", &["sender.role"]),
        ("agent-8", &["sender.absent"]),
        ("AGENT-7", &["sender.absent"]),
        // The id of a participant is no sender.
        ("p-agent-agent-7", &["sender.absent"]),
    ] {
        assert_eq!(against(&good().from(sender), Some("webchat")), wanted, "{sender}");
    }
}

/// SMS takes no HTML; every other channel takes all three types; without a channel nothing goes.
#[test]
fn what_each_channel_takes() {
    let html = good().kind("text/html").text("<p>Hello</p>");
    let json = good().kind("application/json").json("{}");
    for channel in ["webchat", "email", "open", "voice", "something-new"] {
        for draft in [&good(), &html, &json] {
            assert!(against(draft, Some(channel)).is_empty(), "{channel}");
        }
    }
    assert!(against(&good(), Some("sms")).is_empty());
    assert!(against(&json, Some("sms")).is_empty());
    assert_eq!(against(&html, Some("sms")), ["channel.html"]);
    assert_eq!(against(&good(), None), ["channel.missing"]);
    assert_eq!(against(&html.from("nobody"), Some("sms")), ["sender.absent", "channel.html"]);
    let other = Conversation { id: ConversationId::new("c-2").unwrap(), ..conversation(Some("sms")) };
    assert_eq!(rules(&message(&good()).check_against(&other).unwrap_err()), ["conversation.another"]);
}

/// 1 MiB decoded is the most over SMS, to the byte, whatever the padding; behind a link, and elsewhere, no size counts.
#[test]
fn attachments_over_sms_have_one_mebibyte_at_most() {
    for (bytes, passes) in [
        (1, true),
        (SMS_ATTACHMENT_BYTES - 1, true),
        (SMS_ATTACHMENT_BYTES, true),
        (SMS_ATTACHMENT_BYTES + 1, false),
        (SMS_ATTACHMENT_BYTES + 2, false),
    ] {
        let draft = good().attachment(AttachmentDraft::of_bytes("a.pdf", &vec![7; bytes]));
        assert_eq!(message(&draft).attachments()[0].decoded_bytes(), Some(bytes));
        assert_eq!(against(&draft, Some("sms")).is_empty(), passes, "{bytes}");
        assert!(against(&draft, Some("webchat")).is_empty());
    }
    assert_eq!(SMS_ATTACHMENT_BYTES, 1_048_576);
    let behind = good().attachment(AttachmentDraft::of_url("https://files.example/whole-book.pdf"));
    assert!(against(&behind, Some("sms")).is_empty());
    // Each one that is too large is told, by its place.
    let big = || AttachmentDraft::of_bytes("a.pdf", &vec![0; SMS_ATTACHMENT_BYTES + 1]);
    let small = AttachmentDraft::of_bytes("b.pdf", b"x");
    let draft = good().attachment(big()).attachment(small).attachment(big());
    let refused = message(&draft).check_against(&conversation(Some("sms"))).unwrap_err();
    let paths: Vec<_> = refused.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(paths, ["attachments.0.content", "attachments.2.content"]);
}

#[test]
fn lengths_at_their_border() {
    let address = |bytes: usize| good().from("a".repeat(bytes));
    assert!(address(1_024).check().is_ok());
    assert_eq!(rules(&address(1_025).check().unwrap_err()), ["message.address"]);
    let named = |bytes: usize| {
        let name = format!("{}.pdf", "n".repeat(bytes - 4));
        good().attachment(AttachmentDraft::of_bytes(&name, b"x"))
    };
    assert!(named(255).check().is_ok());
    assert_eq!(rules(&named(256).check().unwrap_err()), ["attachment.filename"]);
}

/// What a file on the command line becomes: its type by its extension, an unknown one as bytes of any kind.
#[test]
fn files_and_links_by_their_names() {
    let shown = |draft: AttachmentDraft| {
        let checked = good().attachment(draft).check().unwrap();
        let body: Value = serde_json::from_slice(&checked.message.body()).unwrap();
        let findings: Vec<_> = checked.findings.iter().map(|found| found.rule).collect();
        (body["attachments"][0].clone(), findings.join(" "))
    };
    let (invoice, findings) = shown(AttachmentDraft::of_bytes("Invoice.PDF", b"%PDF"));
    assert_eq!(
        invoice,
        json!({"type": "application/pdf", "filename": "Invoice.PDF", "content": STANDARD.encode(b"%PDF")})
    );
    assert_eq!(findings, "");
    let (part, findings) = shown(AttachmentDraft::of_bytes("part.stl", b"solid"));
    assert_eq!(part["type"], "application/octet-stream");
    assert_eq!(findings, "attachment.unknown_type");
    let (logo, _) = shown(AttachmentDraft::of_url("https://cdn.example/a/logo.png?width=3#x"));
    assert_eq!(
        logo,
        json!({"type": "image/png", "filename": "logo.png", "url": "https://cdn.example/a/logo.png?width=3#x"})
    );
    let renamed =
        AttachmentDraft::of_url("https://cdn.example/42").filename("logo.png").media_type("image/png");
    assert_eq!(shown(renamed).0["filename"], "logo.png");
}

/// The bytes of attachments, links, texts and names are in no `Debug` and in no violation.
#[test]
fn nothing_that_was_said_is_repeated() {
    let canary = "canary7";
    let draft = MessageDraft::new()
        .conversation_id("c-1")
        .from(format!("agent-{canary}"))
        .to(format!("guest-{canary}"))
        .kind("text/plain")
        .text(canary)
        .attachment(AttachmentDraft::of_url(&format!("https://files.example/{canary}.pdf?sig={canary}")));
    let message = message(&draft);
    let mut told = format!("{draft:?} {message:?} {:?}", message.attachments()[0].source());
    for channel in [None, Some("sms")] {
        write!(told, "{:?}", message.check_against(&conversation(channel))).unwrap();
    }
    let wrong = draft
        .kind("text/html")
        .kind(canary)
        .attachment(AttachmentDraft::of_url(&format!("ftp://{canary}/{canary}.png")).media_type("image/gif"));
    write!(told, "{}", wrong.check().unwrap_err()).unwrap();
    assert!(!told.contains(canary), "{told}");
}

/// The generator is fixed: message k of a seed is what it always was.
#[test]
fn the_sequence_of_seed_42() {
    let simulator = Simulator::new(42);
    let lines: Vec<_> = (0..20).map(|k| serde_json::to_string(&simulator.message(k)).unwrap()).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// What document 002 says of the sequence: three types, numbers below 10,000, attachments on half of them.
#[test]
fn the_sequence_is_what_the_document_says() {
    let mut kinds = [0_u32; 3];
    let mut attached = [0_u32; 2];
    let mut seen = BTreeSet::new();
    for k in 0..6_000 {
        let line = serde_json::to_value(Simulator::new(7).message(k)).unwrap();
        assert_eq!(line["to"], json!(["test@genesys.cloud"]));
        let content = &line["content"];
        let (kind, number) = match line["type"].as_str().unwrap() {
            "text/plain" => (0, content.as_str().unwrap().strip_prefix("Test message ").unwrap()),
            "text/html" => {
                let inner = content.as_str().unwrap().strip_prefix("<p>Test message ").unwrap();
                (1, inner.strip_suffix("</p>").unwrap())
            }
            "application/json" => {
                assert_eq!(content["event"], "test");
                assert_eq!(content.as_object().unwrap().len(), 2);
                (2, content["seq"].as_str().unwrap())
            }
            other => panic!("{other}"),
        };
        kinds[kind] += 1;
        assert!(number.parse::<u32>().unwrap() < 10_000 && !number.starts_with('+'));
        seen.insert(number.to_owned());
        if let Some(files) = line.get("attachments") {
            let file = &files.as_array().unwrap()[0];
            assert!(file.get("content").is_none() && file["url"].as_str().unwrap().starts_with("https://"));
            let png = file["type"] == "image/png";
            assert!(png || file["type"] == "application/pdf");
            let extension = if png { ".png" } else { ".pdf" };
            assert!(file["filename"].as_str().unwrap().ends_with(extension), "{file}");
            attached[usize::from(png)] += 1;
        }
        let draft = Simulator::new(7).message(k).draft().conversation_id("c").from("a");
        let checked = draft.check().unwrap();
        assert!(checked.findings.is_empty());
        // What is printed and sent back in is the same message.
        let mut line = line;
        (line["conversation_id"], line["from"]) = ("c".into(), "a".into());
        let read = MessageDraft::read(line.to_string().as_bytes()).unwrap();
        assert_eq!(read.check().unwrap().message, checked.message);
    }
    // 6,000 draws of a fair coin lie within these bounds but for one seed in billions; this seed is fixed.
    assert!(kinds.iter().all(|count| (1_800..2_200).contains(count)), "{kinds:?}");
    assert!((2_800..3_200).contains(&(attached[0] + attached[1])), "{attached:?}");
    assert!(attached.iter().all(|count| *count > 1_200), "{attached:?}");
    assert!(seen.len() > 4_000);
    assert_ne!(Simulator::new(1).message(3), Simulator::new(2).message(3));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z<>&\"\\\\]{1,12}", "\\PC{1,20}"]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Numbers that are read exactly.
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What is checked says on the wire what the line said, and the white space of the line changes nothing.
    #[test]
    fn the_wire_says_what_the_line_says(
        content in any_json().prop_filter("it is absent then", |value| !value.is_null()),
        to in proptest::collection::vec("[a-z+@.0-9]{1,12}", 1..4),
        bytes in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let line = json!({"conversation_id": "c-1", "from": "agent-7", "to": to, "type": "application/json",
            "content": content, "attachments": [{"type": "image/png", "filename": "a.png", "content": STANDARD.encode(&bytes)}]});
        let narrow = MessageDraft::read(line.to_string().as_bytes()).unwrap().check().unwrap().message;
        let wide = serde_json::to_string_pretty(&line).unwrap();
        let wide = MessageDraft::read(wide.as_bytes()).unwrap().check().unwrap().message;
        prop_assert_eq!(wide.digest(), narrow.digest());
        let mut wanted = line;
        wanted.as_object_mut().unwrap().remove("conversation_id");
        prop_assert_eq!(serde_json::from_slice::<Value>(&narrow.body()).unwrap(), wanted);
        prop_assert_eq!(narrow.attachments()[0].decoded_bytes(), Some(bytes.len()));
    }

    /// Another message has another digest: each part counts, and so does where one ends and the next begins.
    #[test]
    fn another_message_has_another_digest(part in 0..5_usize, more in "[a-z\"]{1,5}") {
        let (mut id, mut from, mut to, mut text) = ("c".to_owned(), "a".to_owned(), vec!["b".to_owned()], "x".to_owned());
        let of = |id: &str, from: &str, to: &[String], text: &str| {
            let draft = MessageDraft::new().conversation_id(id).from(from).kind("text/plain").text(text);
            message(&to.iter().fold(draft, |draft, to| draft.to(to))).digest()
        };
        let before = of(&id, &from, &to, &text);
        match part {
            0 => id.extend(more.chars().filter(|c| *c != '"').chain(['z'])),
            1 => from.push_str(&more),
            2 => to.push(more),
            3 => to[0].push_str(&more),
            _ => text.push_str(&more),
        }
        prop_assert_ne!(of(&id, &from, &to, &text), before);
    }

    /// Whatever is in a line, it is a message or all its problems, each rule with its place.
    #[test]
    fn any_object_is_a_message_or_refused(
        keys in proptest::collection::vec(
            (prop_oneof![
                proptest::sample::select(vec!["conversation_id", "from", "to", "type", "content", "attachments"])
                    .prop_map(str::to_owned),
                "[a-z]{0,4}",
            ], any_json()),
            0..8,
        ),
    ) {
        let object: serde_json::Map<_, _> = keys.into_iter().collect();
        let draft = MessageDraft::read(serde_json::to_string(&object).unwrap().as_bytes()).unwrap();
        match draft.check() {
            Ok(checked) => { serde_json::from_slice::<Value>(&checked.message.body()).unwrap(); }
            Err(refused) => prop_assert!(refused.iter().all(|found| !found.rule.is_empty() && found.rule != "message.incomplete")),
        }
    }
}
