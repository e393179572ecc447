//! The splitter against what it is short for: read the whole page, take it apart.

use frontdesk_domain::json::{self, JsonError, JsonFault, MAX_ELEMENT_BYTES, MAX_TAIL_BYTES, Splitter, Tail};
use proptest::prelude::*;
use serde_json::Value;

use crate::strategies::{almost_json, chunks, json, json_object, spaced};

/// What came out of a page: elements, and tail or error.
type Outcome = (Vec<Vec<u8>>, Result<Tail, JsonError>);

fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut splitter = Splitter::new("conversations");
    let mut elements = Vec::new();
    for chunk in chunks {
        if let Err(error) = splitter.push(chunk, &mut elements) {
            assert_eq!(splitter.push(b" ", &mut elements), Err(error), "an error stays");
            return (elements, Err(error));
        }
    }
    (elements, splitter.finish())
}

fn texts(elements: &[Vec<u8>]) -> Vec<&str> {
    elements.iter().map(|element| std::str::from_utf8(element).unwrap()).collect()
}

#[test]
fn a_page_comes_apart() {
    let page = br#" { "nextPage" : "p 2" , "conversations" : [ {"id" : 1, "t":" x "} , [ ] , 7 , "s" , null ] , "total":3 } "#;
    let (elements, tail) = split([&page[..]]);
    assert_eq!(texts(&elements), [r#"{"id":1,"t":" x "}"#, "[]", "7", r#""s""#, "null"]);
    let tail = tail.unwrap();
    assert!(tail.object && tail.array_present);
    assert_eq!(tail.value("nextPage"), Some(&br#""p 2""#[..]));
    assert_eq!(tail.value("total"), Some(&b"3"[..]));
    assert_eq!(tail.value("conversations"), None);
    assert_eq!(tail.members.len(), 2);
}

#[test]
fn without_the_array_there_is_no_page() {
    for (page, object) in
        [("{}", true), ("[]", false), ("[{\"conversations\":[1]}]", false), ("7", false), ("null", false)]
    {
        let (elements, tail) = split([page.as_bytes()]);
        let tail = tail.unwrap();
        assert!(elements.is_empty(), "{page}");
        assert_eq!((tail.object, tail.array_present), (object, false), "{page}");
        assert!(tail.members.is_empty());
    }
    let (elements, tail) = split([&br#"{"conversations":[]}"#[..]]);
    assert!(elements.is_empty() && tail.unwrap().array_present, "an empty page is one");
}

#[test]
fn a_key_with_another_value_is_a_member() {
    for value in ["null", "{}", "\"[]\"", "7", "true"] {
        let (elements, tail) = split([format!("{{\"conversations\":{value}}}").as_bytes()]);
        let tail = tail.unwrap();
        assert!(elements.is_empty() && !tail.array_present, "{value}");
        assert_eq!(tail.value("conversations"), Some(value.as_bytes()));
    }
}

#[test]
fn only_the_top_level_array_counts() {
    let page = br#"{"meta":{"conversations":[1]},"conversations":[{"conversations":[2]},[[3]]]}"#;
    let (elements, tail) = split([&page[..]]);
    assert_eq!(texts(&elements), [r#"{"conversations":[2]}"#, "[[3]]"]);
    assert_eq!(tail.unwrap().value("meta"), Some(&br#"{"conversations":[1]}"#[..]));
}

#[test]
fn twice_the_array_is_both() {
    let page = br#"{"conversations":[1],"a":0,"\u0063onversations":[2],"a":1,"conversations":null}"#;
    let (elements, tail) = split([&page[..]]);
    assert_eq!(texts(&elements), ["1", "2"], "an element that came is never dropped");
    let tail = tail.unwrap();
    assert_eq!(tail.value("a"), Some(&b"1"[..]), "of several, the last");
    assert_eq!(tail.members.len(), 3);
}

#[test]
fn elements_come_as_soon_as_they_are_whole() {
    let mut splitter = Splitter::new("conversations");
    let mut elements = Vec::new();
    let mut counts = Vec::new();
    for chunk in ["{\"conversations\":[", "{\"a\"", ":1}", ",7", "7", ",", "8]", "}"] {
        splitter.push(chunk.as_bytes(), &mut elements).unwrap();
        counts.push(elements.len());
    }
    assert_eq!(counts, [0, 0, 1, 1, 1, 2, 3, 3], "a number ends only with what follows it");
    assert!(splitter.finish().unwrap().array_present);
}

#[test]
fn elements_before_a_fault_are_kept() {
    let (elements, tail) = split([&br#"{"conversations":[{"id":1},{"id":2},{"id":}]}"#[..]]);
    assert_eq!(texts(&elements), [r#"{"id":1}"#, r#"{"id":2}"#]);
    assert_eq!(tail.unwrap_err().offset, 42);
    let (elements, tail) = split([&br#"{"conversations":[{"id":1},{"id""#[..]]);
    assert_eq!(texts(&elements), [r#"{"id":1}"#]);
    assert_eq!(tail.unwrap_err().fault, JsonFault::UnexpectedEnd);
}

/// A page whose one element is a string of that many bytes, quotes included.
fn element_of(bytes: usize) -> Vec<Vec<u8>> {
    let mut chunks = vec![b"{\"conversations\":[1, \"".to_vec()];
    let mut left = bytes - 2;
    while left > 0 {
        let length = left.min(1 << 20);
        chunks.push(vec![b'x'; length]);
        left -= length;
    }
    chunks.push(b"\"]}".to_vec());
    chunks
}

#[test]
fn an_element_has_at_most_64_mib() {
    let largest = element_of(MAX_ELEMENT_BYTES);
    let (elements, tail) = split(largest.iter().map(Vec::as_slice));
    assert_eq!(elements[1].len(), MAX_ELEMENT_BYTES);
    assert!(tail.is_ok());
    drop((elements, largest));

    let larger = element_of(MAX_ELEMENT_BYTES + 1);
    let expected = JsonError {
        // The closing quote is the byte too many.
        offset: 21 + MAX_ELEMENT_BYTES as u64,
        fault: JsonFault::TooLarge { limit: MAX_ELEMENT_BYTES as u64 },
    };
    let (elements, tail) = split(larger.iter().map(Vec::as_slice));
    assert_eq!((texts(&elements), tail), (vec!["1"], Err(expected)));
    let (elements, tail) = split([&larger.concat()[..]]);
    assert_eq!((texts(&elements), tail), (vec!["1"], Err(expected)), "in one chunk as in many");
}

#[test]
fn white_space_in_an_element_does_not_count() {
    let mut page = b"{\"conversations\":[[".to_vec();
    page.extend(vec![b' '; 1 << 20]);
    page.extend(b"1]]}");
    let (elements, _) = split(page.chunks(1000));
    assert_eq!(texts(&elements), ["[1]"]);
}

#[test]
fn what_is_beside_the_array_has_at_most_4_mib() {
    // The key has one byte, each member counts 64 bytes more.
    let room = MAX_TAIL_BYTES - 64 - 1;
    let page =
        |bytes: usize| format!("{{\"conversations\":[1],\"a\":\"{}\"}}", "x".repeat(bytes - 2)).into_bytes();
    let (_, tail) = split(page(room).chunks(65_536));
    assert_eq!(tail.unwrap().members[0].1.len(), room);
    for chunk in [65_536, 1_000, usize::MAX] {
        let (elements, tail) = split(page(room + 1).chunks(chunk));
        assert_eq!(texts(&elements), ["1"]);
        let error = tail.unwrap_err();
        assert_eq!(error.fault, JsonFault::TooLarge { limit: MAX_TAIL_BYTES as u64 });
        assert_eq!(error.offset, 25 + room as u64);
    }
}

#[test]
fn members_count_together() {
    let value = "x".repeat(MAX_TAIL_BYTES / 2);
    let page = format!("{{\"a\":\"{value}\",\"b\":\"{value}\"}}");
    let (_, tail) = split(page.as_bytes().chunks(65_536));
    assert!(matches!(tail.unwrap_err().fault, JsonFault::TooLarge { .. }));
}

/// What follows a fault in the same chunk counts for nothing: not even for being too large.
#[test]
fn the_first_fault_is_the_one() {
    let mut page = b"{\"a\":\"x\x01".to_vec();
    page.extend(vec![b'x'; MAX_TAIL_BYTES + 1]);
    for chunk in [1_000, usize::MAX] {
        let (_, tail) = split(page.chunks(chunk));
        assert_eq!(tail.unwrap_err(), JsonError { offset: 7, fault: JsonFault::ControlCharacter });
    }
}

/// An element that came in many chunks was copied into a buffer that grew by doubling.
#[test]
fn an_element_keeps_little_more_memory_than_it_needs() {
    let text = "x".repeat((1 << 20) + (1 << 17));
    let page = format!("{{\"conversations\":[\"{text}\"]}}");
    let (elements, _) = split(page.as_bytes().chunks(65_536));
    assert!(elements[0].capacity() <= elements[0].len() / 4 * 5, "{}", elements[0].capacity());
}

#[test]
fn a_long_key_and_many_small_members_count_too() {
    let key = format!("{{\"{}\":1}}", "k".repeat(MAX_TAIL_BYTES));
    let many = format!("{{{}\"\":0}}", "\"\":0,".repeat(100_000));
    for page in [key, many] {
        let (_, tail) = split(page.as_bytes().chunks(65_536));
        assert!(matches!(tail.unwrap_err().fault, JsonFault::TooLarge { .. }));
    }
    let fewer = format!("{{{}\"\":0}}", "\"\":0,".repeat(60_000));
    assert_eq!(split([fewer.as_bytes()]).1.unwrap().members.len(), 60_001);
}

#[test]
fn debug_shows_no_bytes() {
    let mut splitter = Splitter::new("conversations");
    let mut elements = Vec::new();
    splitter.push(br#"{"next":"token-123","conversations":["guest: hel"#, &mut elements).unwrap();
    let shown = format!("{splitter:?}");
    assert!(!shown.contains("token-123") && !shown.contains("guest"), "{shown}");
    splitter.push(br#"lo"]}"#, &mut elements).unwrap();
    let shown = format!("{:?}", splitter.finish().unwrap());
    assert!(shown.contains("next") && !shown.contains("token-123"), "{shown}");
}

/// A page of generated elements and other members.
fn page() -> impl Strategy<Value = Vec<String>> {
    (prop::collection::vec(json(), 0..5), json_object(), json_object()).prop_map(
        |(elements, before, after)| {
            let mut tokens = before;
            tokens.pop();
            if tokens.len() > 1 {
                tokens.push(",".to_owned());
            }
            tokens.extend(["\"conversations\"", ":", "["].map(str::to_owned));
            for (index, element) in elements.into_iter().enumerate() {
                if index > 0 {
                    tokens.push(",".to_owned());
                }
                tokens.extend(element);
            }
            tokens.push("]".to_owned());
            if after.len() > 2 {
                tokens.push(",".to_owned());
            }
            tokens.extend(after.into_iter().skip(1));
            tokens
        },
    )
}

proptest! {
    /// However a text is cut into chunks, JSON or not, what comes out is the same.
    #[test]
    fn chunks_do_not_matter(
        (bytes, chunks) in prop_oneof![
            almost_json().boxed(),
            spaced(page()).prop_map(|(bytes, _)| bytes).boxed(),
            prop::collection::vec(any::<u8>(), 0..40).boxed(),
        ].prop_flat_map(|bytes| (Just(bytes.clone()), chunks(bytes))),
    ) {
        let whole = split([&bytes[..]]);
        prop_assert_eq!(&split(chunks.iter().map(Vec::as_slice)), &whole);
        prop_assert_eq!(whole.1.map(drop), json::scan(&bytes).map(drop));
    }

    /// The splitter does what reading the page and taking it apart does.
    #[test]
    fn a_page_comes_apart_as_another_reader_takes_it_apart((bytes, compact) in spaced(page())) {
        let (elements, tail) = split([&bytes[..]]);
        let tail = tail.unwrap();
        prop_assert!(tail.array_present);
        let scan = json::scan(&compact).unwrap();
        let mut expected_elements = Vec::new();
        let mut expected_members = Vec::new();
        for member in &scan.members {
            let key = json::text(&compact[member.key.start - 1..=member.key.end]).unwrap().into_owned();
            let value = &compact[member.value.clone()];
            if key == "conversations" && value.starts_with(b"[") {
                expected_elements.extend(items(value));
            } else {
                expected_members.push((key, value.to_vec()));
            }
        }
        prop_assert_eq!(elements, expected_elements);
        prop_assert_eq!(&tail.members, &expected_members);
        if let Ok(Value::Object(map)) = serde_json::from_slice::<Value>(&bytes) {
            for (key, value) in map.iter().filter(|(key, _)| *key != "conversations") {
                prop_assert_eq!(&serde_json::from_slice::<Value>(tail.value(key).unwrap()).unwrap(), value);
            }
        }
    }
}

/// The items of a compact array, found by counting brackets outside of strings.
fn items(array: &[u8]) -> Vec<Vec<u8>> {
    let inner = &array[1..array.len() - 1];
    let (mut items, mut item, mut depth, mut quoted, mut escaped) = (Vec::new(), Vec::new(), 0, false, false);
    for &byte in inner {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth -= 1,
            b',' if !quoted && depth == 0 => {
                items.push(std::mem::take(&mut item));
                continue;
            }
            _ => {}
        }
        item.push(byte);
    }
    if !item.is_empty() {
        items.push(item);
    }
    items
}
