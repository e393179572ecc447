//! The parameters of a request, read strictly: each once, none that means nothing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use frontdesk_domain::{MatterName, Timestamp};
use http::StatusCode;

use crate::problem::Problem;
use crate::term::decoded;

/// The parameters of a query or a form, each taken out as it is read.
///
/// A parameter that is empty is one that is not there: a form sends every field it has.
#[derive(Default)]
pub(crate) struct Params(BTreeMap<String, String>);

/// The longest reason, in bytes.
pub(crate) const LONGEST_REASON: usize = 1_000;

/// A request whose parameters cannot be understood.
pub(crate) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_query", detail)
}

/// A text as it stands in a query or a part of a path: percent-encoded, slashes too.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

impl Params {
    /// Takes them as they are: names and their values.
    pub(crate) fn of(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs)
    }

    /// Reads `name=value&...`, percent-encoded as forms are.
    ///
    /// # Errors
    /// `bad_query` for what is not so encoded, not UTF-8, or there twice.
    pub(crate) fn read(text: Option<&str>) -> Result<Self, Problem> {
        let mut found = BTreeMap::new();
        for pair in text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let text = |part: &str| {
                let bytes = decoded(part).ok_or_else(|| {
                    bad("a parameter is not percent-encoded").hint("write a percent sign as %25")
                })?;
                String::from_utf8(bytes).map_err(|_| bad("a parameter is not UTF-8"))
            };
            let (name, value) = (text(name)?, text(value)?);
            if found.insert(name, value).is_some() {
                return Err(bad("a parameter is given more than once"));
            }
        }
        Ok(Self(found))
    }

    /// A text; `None` where it is not there or empty.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|text| !text.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `bad_query` where it is not.
    pub(crate) fn needed(&mut self, name: &str) -> Result<String, Problem> {
        self.text(name).ok_or_else(|| bad(format!("{name} is missing or empty")))
    }

    /// A number within bounds.
    ///
    /// # Errors
    /// `bad_query` for anything else.
    pub(crate) fn number(&mut self, name: &str, within: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // Digits and nothing else: `+5` is a number to Rust.
        let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let number = number.filter(|number| within.contains(number)).ok_or_else(|| {
            bad(format!("{name} is not a number from {} to {}", within.start(), within.end()))
        })?;
        Ok(Some(number))
    }

    /// How many a page is to have at most: `limit`.
    ///
    /// # Errors
    /// As [`Params::number`].
    pub(crate) fn limit(&mut self, within: RangeInclusive<u64>, otherwise: u64) -> Result<usize, Problem> {
        Ok(self.number("limit", within)?.unwrap_or(otherwise) as usize)
    }

    /// `true` or `false`; false where it is not there.
    ///
    /// # Errors
    /// `bad_query` for anything else.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        self.flag_or(name, false)
    }

    /// The same where silence may mean `true`.
    ///
    /// # Errors
    /// `bad_query` for anything else.
    pub(crate) fn flag_or(&mut self, name: &str, otherwise: bool) -> Result<bool, Problem> {
        match self.text(name).as_deref() {
            None => Ok(otherwise),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(bad(format!("{name} is true or false"))),
        }
    }

    /// A date, which is its midnight UTC, or a time.
    ///
    /// # Errors
    /// `bad_query` for anything else.
    pub(crate) fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        Timestamp::from_date_or_time(&text)
            .map(Some)
            .map_err(|_| bad(format!("{name} is no time")).hint("write 2025-03-01 or 2025-03-01T10:00:00Z"))
    }

    /// A version of a record, from 1.
    ///
    /// # Errors
    /// `bad_query` for anything else.
    pub(crate) fn version(&mut self) -> Result<Option<u32>, Problem> {
        let version = self.number("version", 1..=u64::from(u32::MAX))?;
        Ok(version.and_then(|version| u32::try_from(version).ok()))
    }

    /// The number behind which a page begins, as the page before gave it.
    ///
    /// # Errors
    /// `bad_query` for what no page gives.
    pub(crate) fn cursor(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
        number.map(Some).ok_or_else(|| bad(format!("{name} is none of ours")))
    }

    /// A matter that holds conversations.
    ///
    /// # Errors
    /// `bad_query` for what is no name of one.
    pub(crate) fn matter(&mut self) -> Result<Option<MatterName>, Problem> {
        let matter = self.text("matter").map(MatterName::new).transpose();
        matter.map_err(|_| bad("matter is no name of one"))
    }

    /// Why somebody looks at what is masked otherwise: of one line there is something.
    ///
    /// # Errors
    /// `bad_query` where it is missing, or too long to be read.
    pub(crate) fn reason(&mut self) -> Result<String, Problem> {
        let reason = self.needed("reason")?.trim().to_owned();
        match reason.len() {
            1..=LONGEST_REASON => Ok(reason),
            _ => Err(bad(format!("reason has 1 to {LONGEST_REASON} bytes"))
                .hint("say in a sentence what it is for")),
        }
    }

    /// Something that has a name.
    ///
    /// # Errors
    /// `bad_query` for what is none.
    pub(crate) fn named<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| bad(format!("{name} has a value there is not")))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `bad_query` where something was given that nobody took: mostly a name that was mistyped.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.0.len() {
            0 => Ok(()),
            // Its name may be anything, also what somebody looks for.
            _ => Err(bad("there is a parameter that means nothing here")
                .hint("docs/server.md and the OpenAPI file name those of each route")),
        }
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Params({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Params {
        Params::read(Some(text)).unwrap()
    }

    #[test]
    fn parameters_are_taken_once_and_none_is_left() {
        let mut params = read("q=a+b%26&limit=20&count=true&empty=&from=2025-03-01");
        assert_eq!(params.text("q").as_deref(), Some("a b&"));
        assert_eq!(params.number("limit", 1..=20).unwrap(), Some(20));
        assert!(params.flag("count").unwrap() && !params.flag("count").unwrap());
        assert_eq!(params.time("from").unwrap().unwrap().to_string(), "2025-03-01T00:00:00Z");
        assert_eq!(params.text("empty"), None);
        params.finish().unwrap();
        assert!(read("x=1").finish().is_err());
        assert!(Params::read(None).unwrap().finish().is_ok());
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        for text in ["a/b?c=d&e", "100 % + \0\r\n", "Ré ☎ 🦀", "../..", "~-_."] {
            let mut params = read(&format!("x={}", encoded(text)));
            assert_eq!(params.text("x").as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_wrong_is_refused_without_repeating_it() {
        for text in ["q=1&q=2", "q=%zz", "q=%ff", "%=1"] {
            assert!(Params::read(Some(text)).is_err(), "{text}");
        }
        for value in ["canary", "0", "21", "-1", "+5", "1e1", "99999999999999999999"] {
            let text = format!("n={}", value.replace('+', "%2B"));
            let problem = read(&text).number("n", 1..=20).unwrap_err();
            assert!(!problem.detail.contains("canary"), "{}", problem.detail);
        }
        assert!(read("f=yes").flag("f").is_err());
        assert!(read("").flag_or("f", true).unwrap() && !read("f=false").flag_or("f", true).unwrap());
        assert!(read("t=yesterday").time("t").is_err());
        assert!(read("x=").needed("x").is_err());
        assert!(read("c=9223372036854775808").cursor("c").is_err() && read("c=x").cursor("c").is_err());
        assert_eq!(read("c=9223372036854775807").cursor("c").unwrap(), Some(i64::MAX.unsigned_abs()));
        assert!(read("version=4294967296").version().is_err());
        assert_eq!(read("version=4294967295").version().unwrap(), Some(u32::MAX));
    }
}
