//! `name=value&…`: form bodies and query strings; and the segments of a path.

/// The pairs of a form, decoded; nothing when an escape is broken or the text is no UTF-8.
pub(crate) fn pairs(form: &str) -> Option<Vec<(String, String)>> {
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// The value of the first pair called `name`.
pub(crate) fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A path segment, decoded; nothing when an escape is broken or the text is no UTF-8.
pub(crate) fn segment(text: &str) -> Option<String> {
    // A plus is a plus in a path.
    decode(&text.replace('+', "%2B"))
}

/// What the path has in place of the template's braces, when it is of that form; nothing inside where
/// one of them is no id: `.`, `..`, a broken escape.
pub(crate) fn ids(template: &str, path: &str) -> Option<Option<Vec<String>>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut ids = Some(Vec::new());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(name), Some(given)) if name.starts_with('{') && !given.is_empty() => {
                let id = segment(given).filter(|id| !matches!(id.as_str(), "." | ".."));
                if let (Some(ids), Some(id)) = (&mut ids, &id) {
                    ids.push(id.clone());
                }
                ids = ids.filter(|_| id.is_some());
            }
            (Some(name), Some(given)) if name == given => {}
            _ => return None,
        }
    }
}

/// Percent-encodes everything but what RFC 3986 leaves unreserved.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |encoded, byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            encoded + char::from(byte).encode_utf8(&mut [0; 4])
        }
        other => encoded + &format!("%{other:02X}"),
    })
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let form = pairs("a=1+2&b=%C3%A9%26&&c").unwrap();
        assert_eq!(value(&form, "a"), Some("1 2"));
        assert_eq!(value(&form, "b"), Some("é&"));
        assert_eq!(value(&form, "c"), Some(""));
        assert_eq!(value(&form, "d"), None);
        assert_eq!(segment("a+b%2Fc%20").as_deref(), Some("a+b/c "));
        assert_eq!(segment(&encode("Rück gabe+/.pdf")).as_deref(), Some("Rück gabe+/.pdf"));
        assert_eq!((segment("%2"), segment("%FF")), (None, None));
        assert!(["a=%", "a=%4", "a=%4g", "a=%ff"].iter().all(|broken| pairs(broken).is_none()));
    }
}
