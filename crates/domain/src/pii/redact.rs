//! A text without what was found.

use super::{Region, find};

/// The text with every match replaced by its kind in brackets: `[email]`, `[card]`. Nothing of a value stays.
///
/// What is redacted stays as it is when it is redacted again.
///
/// ```
/// use frontdesk_domain::pii::redact;
///
/// let once = redact("Visa 4111-1111-1111-1111, exp 12/27", None);
/// assert_eq!(once, "Visa [card], exp 12/27");
/// assert_eq!(redact(&once, None), once);
/// ```
#[must_use]
pub fn redact(text: &str, region: Option<Region>) -> String {
    let mut text = once(text, region);
    // Now and then something stands alone only once its neighbour is gone, as `4111::` before a card number.
    while find(&text, region).next().is_some() {
        text = once(&text, region);
    }
    text
}

fn once(text: &str, region: Option<Region>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut taken = 0;
    for found in find(text, region) {
        out.push_str(&text[taken..found.range.start]);
        out.push('[');
        out.push_str(found.kind.as_str());
        out.push(']');
        taken = found.range.end;
    }
    out.push_str(&text[taken..]);
    out
}
