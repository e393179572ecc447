//! Values to try the rules on.

use frontdesk_domain::filter::{Comparison, Expr, Field, MetadataKey, Op};
use frontdesk_domain::{TimeRange, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Any time there is: nanoseconds anywhere, whole seconds, and near the borders.
pub(crate) fn timestamp() -> impl Strategy<Value = Timestamp> {
    let (min, max) = (Timestamp::MIN.as_nanos(), Timestamp::MAX.as_nanos());
    let near = |at: i128| (0..2_000_000_000_i128).prop_map(move |more| at + more);
    prop_oneof![
        4 => min..=max,
        4 => (min / 1_000_000_000..=max / 1_000_000_000).prop_map(|seconds| seconds * 1_000_000_000),
        1 => near(min),
        1 => near(max - 2_000_000_000),
        1 => near(-1_000_000_000),
    ]
    .prop_map(move |nanos| Timestamp::from_nanos(nanos.clamp(min, max)).unwrap())
}

/// A range of nanoseconds to years.
pub(crate) fn range() -> impl Strategy<Value = TimeRange> {
    let length = prop_oneof![1..5_i128, 1..10_000_000_000_i128, 1..10_000_000_000_000_000_i128];
    (timestamp(), length).prop_filter_map("past the last time", |(from, length)| {
        let to = Timestamp::from_nanos(from.as_nanos() + length).ok()?;
        TimeRange::new(from, to).ok()
    })
}

/// Any filter, with lists in lists as they come.
pub(crate) fn expr() -> impl Strategy<Value = Expr> {
    comparison().prop_map(Expr::Comparison).prop_recursive(6, 40, 5, |inner| {
        let list = prop::collection::vec(inner, 1..5);
        prop_oneof![list.clone().prop_map(Expr::All), list.prop_map(Expr::Any)]
    })
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let key = r#"[^\s\pC'()]{1,12}"#.prop_filter_map("no key", |key| MetadataKey::new(&key));
    let field = prop_oneof![
        4 => select(vec![Field::Type, Field::Direction, Field::StartTime, Field::EndTime, Field::Queue, Field::Agent, Field::Language]),
        1 => key.prop_map(Field::Metadata),
    ];
    let op = select(vec![Op::Eq, Op::Neq, Op::Gt, Op::Lt, Op::Contains]);
    let value = prop_oneof![3 => "[a-z' ()]{0,12}", 1 => any::<String>()];
    (field, op, value, timestamp()).prop_map(|(field, op, value, time)| {
        let needs_time = field.is_time() && matches!(op, Op::Gt | Op::Lt);
        Comparison { field, op, value: if needs_time { time.to_string() } else { value } }
    })
}

/// A JSON text: its tokens, in their order. Joined they are compact; white space may stand between any two.
pub(crate) fn json() -> impl Strategy<Value = Vec<String>> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        json_number(),
        json_string(),
    ]
    .prop_map(|token| vec![token]);
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| listed("[", items, "]")),
            members(inner).prop_map(|members| listed("{", members, "}")),
        ]
    })
}

/// The same, an object at the top.
pub(crate) fn json_object() -> impl Strategy<Value = Vec<String>> {
    members(json()).prop_map(|members| listed("{", members, "}"))
}

fn members(value: impl Strategy<Value = Vec<String>>) -> impl Strategy<Value = Vec<Vec<String>>> {
    let key = prop_oneof![
        3 => select(vec!["id", "interactionId", "conversationId", "startTime", "endTime", "startedAt", "messages",
            "interactions", "transcript", "text", "timestamp", "metadata", "queue", "conversations", "nextPage"])
            .prop_map(|key| format!("\"{key}\"")),
        1 => json_string(),
    ];
    let member = (key, value).prop_map(|(key, value)| {
        let mut tokens = vec![key, ":".to_owned()];
        tokens.extend(value);
        tokens
    });
    prop::collection::vec(member, 0..6)
}

fn listed(open: &str, items: Vec<Vec<String>>, close: &str) -> Vec<String> {
    let mut tokens = vec![open.to_owned()];
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            tokens.push(",".to_owned());
        }
        tokens.extend(item);
    }
    tokens.push(close.to_owned());
    tokens
}

fn json_number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
}

/// A JSON string, quotes included: plain, escaped, of several scripts, longer than what is read at a time.
pub(crate) fn json_string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 ,:{}\\[\\]]{0,20}",
        2 => "\\\\[\"\\\\/bfnrt]",
        1 => "\\\\u[0-9a-fA-F]{4}",
        1 => "\\\\ud83d\\\\ude00",
        2 => "[äßİıΣς京都カ한あ‍😀🇩🇰\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}]{1,6}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// White space as JSON has it, mostly none.
pub(crate) fn json_space() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

/// A JSON text with white space between its tokens, and the same without.
pub(crate) fn spaced(
    tokens: impl Strategy<Value = Vec<String>>,
) -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    tokens.prop_flat_map(|tokens| {
        let spaces = prop::collection::vec(json_space(), tokens.len() + 1);
        spaces.prop_map(move |spaces| {
            let mut text = spaces[0].clone();
            for (token, space) in tokens.iter().zip(&spaces[1..]) {
                text.push_str(token);
                text.push_str(space);
            }
            (text.into_bytes(), tokens.concat().into_bytes())
        })
    })
}

/// Bytes that are JSON, almost JSON, or made of its characters.
pub(crate) fn almost_json() -> impl Strategy<Value = Vec<u8>> {
    let changed = (spaced(json()), prop::collection::vec((any::<Index>(), byte()), 1..3)).prop_map(
        |((mut bytes, _), changes)| {
            for (index, byte) in changes {
                if !bytes.is_empty() {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            bytes
        },
    );
    let cut = (spaced(json()), any::<Index>()).prop_map(|((mut bytes, _), at)| {
        bytes.truncate(at.index(bytes.len() + 1));
        bytes
    });
    prop_oneof![
        spaced(json()).prop_map(|(bytes, _)| bytes),
        changed,
        cut,
        "[\\[\\]{}:,\"\\\\ 0-9eE+.truefalsn\n-]{0,16}".prop_map(String::into_bytes),
    ]
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![select(b"{}[]:,\"\\0-. \nu\x00\x1f\x80\xc3\xed\xf4\xff".to_vec()), any::<u8>()]
}

/// The bytes in chunks, cut anywhere, empty ones among them.
pub(crate) fn chunks(bytes: Vec<u8>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let cuts = prop_oneof![
        3 => prop::collection::vec(any::<Index>(), 0..6),
        1 => Just(Vec::new()),
    ];
    (cuts, any::<bool>()).prop_map(move |(cuts, single)| {
        if single {
            return bytes.iter().map(|&byte| vec![byte]).collect();
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
    })
}

/// A text to look through: several scripts, and what folds oddly.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-cA-C \n]{0,24}",
        "[aAäÄßẞİıiIΣσςΟοéÉ\u{301}京カ😀\u{212a}kKａＡÅ\u{212b}\u{10400}]{0,24}",
        any::<String>(),
    ]
}
