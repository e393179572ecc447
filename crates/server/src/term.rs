//! What is looked for, out of the request's query: `q=term`.

use http::StatusCode;

use crate::limits::Limits;
use crate::problem::Problem;

/// The text that `q` asks for: there, once, not empty, UTF-8, not too long. Other parameters mean nothing.
pub(crate) fn term(query: Option<&str>, limits: &Limits) -> Result<String, Problem> {
    let bad = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "bad_query", detail);
    let mut found = None;
    for pair in query.unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decoded(name).as_deref() != Some(b"q") {
            continue;
        }
        if found.is_some() {
            return Err(bad("q is given more than once").hint("look for one text at a time"));
        }
        found = Some(decoded(value).ok_or_else(|| {
            bad("q is not percent-encoded")
                .hint("write a percent sign as %25; curl -G --data-urlencode does it")
        })?);
    }
    let bytes = found
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| bad("q is missing or empty").hint("ask for /api/v1/archive/search?q=term"))?;
    if bytes.len() > limits.term_bytes {
        return Err(bad(&format!("q has {} bytes, and {} is the limit", bytes.len(), limits.term_bytes)));
    }
    String::from_utf8(bytes).map_err(|_| bad("q is not UTF-8"))
}

/// Undoes `application/x-www-form-urlencoded`; `None` where a percent sign begins no escape.
pub(crate) fn decoded(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: Option<u8>| (byte? as char).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?,
            other => other,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<String, String> {
        let limits = Limits::default().with(|limits| limits.term_bytes = 8);
        term(Some(query), &limits).map_err(|problem| problem.detail)
    }

    #[test]
    fn q_is_decoded() {
        for (query, expected) in [
            ("q=a", "a"),
            ("x=1&q=a%20b&y", "a b"),
            ("q=a+b", "a b"),
            ("q=a%2Bb", "a+b"),
            ("q=%26%3d", "&="),
            ("%71=a", "a"),
            ("q=a=b", "a=b"),
            ("q=R%C3%A9", "Ré"),
            ("q=Ré", "Ré"),
            ("q=%00%0D%0A", "\0\r\n"),
            ("q=12345678", "12345678"),
        ] {
            assert_eq!(read(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        for (query, reason) in [
            ("", "missing"),
            ("q", "missing"),
            ("q=", "missing"),
            ("Q=a", "missing"),
            ("q=a&q=a", "more than once"),
            ("q=&q=a", "more than once"),
            ("q=%", "percent"),
            ("q=%4", "percent"),
            ("q=%zz", "percent"),
            ("q=%+1", "percent"),
            ("q=%ff", "UTF-8"),
            ("q=123456789", "8 is the limit"),
        ] {
            let said = read(query).unwrap_err();
            assert!(said.contains(reason), "{query}: {said}");
        }
        assert!(term(None, &Limits::default()).is_err());
    }
}
