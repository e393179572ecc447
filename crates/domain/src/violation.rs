//! Broken rules as values: all of them at once, in a stable order.
//!
//! A caller who must fix three settings wants three messages, not one after the other. [`Collector`] gathers what
//! the checks find; [`Violations`] is what is refused with. The order depends on what was found and never on the
//! order of the checks.

use std::fmt;

use serde::Serialize;

/// One broken rule: where, which, and what is wrong in words.
///
/// ```
/// use frontdesk_domain::Violation;
///
/// let broken = Violation::new("page_size", "page_size.range", "0 is not between 1 and 10000");
/// assert_eq!(broken.to_string(), "page_size: 0 is not between 1 and 10000");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Violation {
    /// The field that breaks the rule, dotted, as the caller names it (`range.from`). Empty when the value stands
    /// alone.
    pub path: String,
    /// The rule's code, stable across releases (`page_size.range`).
    pub rule: &'static str,
    /// What is wrong, as a sentence without the path. Holds no secret and no customer text.
    pub message: String,
}

impl Violation {
    /// Makes a violation of `rule` at `path`.
    #[must_use]
    pub fn new(path: impl Into<String>, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.into(), rule, message: message.into() }
    }

    /// The same violation seen from one level further out: its path gains `outer` in front.
    ///
    /// ```
    /// use frontdesk_domain::Violation;
    ///
    /// let inner = Violation::new("from", "time.format", "no time");
    /// assert_eq!(inner.under("range").path, "range.from");
    /// ```
    #[must_use]
    pub fn under(mut self, outer: &str) -> Self {
        self.path = match (outer.is_empty(), self.path.is_empty()) {
            (true, _) => self.path,
            (false, true) => outer.to_owned(),
            (false, false) => format!("{outer}.{}", self.path),
        };
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl std::error::Error for Violation {}

/// One broken rule or more, sorted by path, then rule, then message; the same violation is listed once.
///
/// `Display` writes one line each.
///
/// ```
/// use frontdesk_domain::{Violation, Violations};
///
/// let refused = Violations::from(Violation::new("from", "time.format", "no time"));
/// assert_eq!(refused.iter().count(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The violations in their order; never none.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// The violations in their order; never empty.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            violation.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

/// Gathers violations while a whole value is checked.
///
/// ```
/// use frontdesk_domain::{Collector, PageSize};
///
/// let mut found = Collector::new();
/// let size = found.check("page_size", PageSize::new(0));
/// found.push("from", "time.missing", "a start is needed");
/// assert_eq!(size, None);
///
/// let refused = found.finish().unwrap_err();
/// let paths: Vec<_> = refused.iter().map(|violation| violation.path.as_str()).collect();
/// assert_eq!(paths, ["from", "page_size"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Collector(Vec<Violation>);

impl Collector {
    /// An empty collector.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that `rule` is broken at `path`.
    pub fn push(&mut self, path: impl Into<String>, rule: &'static str, message: impl Into<String>) {
        self.0.push(Violation::new(path, rule, message));
    }

    /// Hands on a checked value, or notes under `path` why there is none.
    pub fn check<T, E: Into<Violation>>(&mut self, path: &str, checked: Result<T, E>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.push(error.into().under(path));
                None
            }
        }
    }

    /// Takes over the violations another check ended with, under `path`.
    pub fn absorb(&mut self, path: &str, violations: Violations) {
        self.0.extend(violations.into_iter().map(|violation| violation.under(path)));
    }

    /// Whether nothing was noted so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends the check.
    ///
    /// # Errors
    ///
    /// Everything that was noted, when anything was.
    pub fn finish(mut self) -> Result<(), Violations> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort();
        self.0.dedup();
        Err(Violations(self.0))
    }
}
