//! Links to media: what each is good for follows from a hash, and what it says of itself is sealed.

use sha2::{Digest, Sha256};

use crate::form;
use crate::moment::Moment;
use crate::random::Dice;

/// Everything that lasts, lasts until then: midnight UTC on 1 January 2100, in seconds.
const LASTING: i64 = 4_102_444_800;
/// Everything that does not, expires this long after the message, in seconds.
const A_WEEK: i64 = 7 * 86_400;

/// Where a media link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    hash: u64,
    picture: bool,
    /// The conversation; `None` is the long one.
    number: Option<u64>,
    /// When the message was sent, in seconds since the epoch.
    sent: i64,
}

/// What a media link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// HEAD and GET are answered.
    Good,
    /// GET is answered; HEAD is refused with this status, as presigned links do.
    NoHead(u16),
    /// It leads to another link, which is good.
    Elsewhere,
    /// It leads nowhere.
    Nowhere,
    /// It leads to more than anybody would want to keep.
    Huge,
}

/// In whose words a link says when it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Unsaid,
    /// `X-Amz-Date` and `X-Amz-Expires`.
    Amazon,
    /// `Expires`, in seconds since the epoch.
    CloudFront,
    /// `se`.
    Azure,
}

const PICTURES: [&str; 3] = ["photo.jpg", "screenshot.png", "IMG 0042.jpeg"];
const PAPERS: [&str; 3] = ["invoice.pdf", "ticket.pdf", "Rückgabe.pdf"];

impl Link {
    /// The link of a message of this kind, when the kind comes with media.
    pub(crate) fn of(kind: &[u8], hash: u64, number: Option<u64>, sent: i64) -> Option<Self> {
        let picture = match kind {
            b"image" => true,
            b"file" => false,
            _ => return None,
        };
        Some(Self { hash, picture, number, sent: sent.div_euclid(1_000_000_000) })
    }

    fn dice(hash: u64) -> Dice {
        Dice::new(hash, 0, 0x3ED1)
    }

    pub(crate) fn name(&self) -> &'static str {
        Dice::new(self.hash, 1, 0x3ED1).pick(if self.picture { &PICTURES } else { &PAPERS })
    }

    /// Whether it leads to a picture; else it is a paper.
    pub(crate) fn is_picture(&self) -> bool {
        self.picture
    }

    /// What it is good for as long as it has not expired.
    pub(crate) fn worth(&self) -> Worth {
        worth(self.hash)
    }

    /// When it expires, in seconds since the epoch, if it says so.
    pub(crate) fn expires(&self) -> Option<i64> {
        let (style, lasting) = style(self.hash);
        let expires = if lasting { LASTING } else { self.sent.saturating_add(A_WEEK) };
        (style != Style::Unsaid).then_some(expires)
    }

    /// The whole link, to the sandbox at `base`.
    pub(crate) fn url(&self, base: &str, seed: u64) -> String {
        let talk = self.number.map_or_else(|| "long".to_owned(), |number| number.to_string());
        let path = format!("/media/{talk}/{:016x}/{}", self.hash, form::encode(self.name()));
        let date = |seconds| Moment::from_nanos(1_000_000_000_i64.saturating_mul(seconds));
        let query = match (style(self.hash).0, self.expires()) {
            (Style::Unsaid, _) | (_, None) => String::new(),
            (Style::Amazon, Some(expires)) => {
                let signed = date(self.sent).timestamp().strftime("%Y%m%dT%H%M%SZ").to_string();
                let left = expires.saturating_sub(self.sent);
                format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={signed}&X-Amz-Expires={left}")
            }
            (Style::CloudFront, Some(expires)) => format!("Expires={expires}&Key-Pair-Id=SANDBOX"),
            (Style::Azure, Some(expires)) => {
                format!("sv=2024-11-04&se={}", form::encode(&date(expires).to_string()))
            }
        };
        let mark = match style(self.hash).0 {
            Style::Unsaid => return format!("{base}{path}"),
            Style::Amazon => "X-Amz-Signature",
            Style::CloudFront => "Signature",
            Style::Azure => "sig",
        };
        format!("{base}{path}?{query}&{mark}={}", seal(seed, &path, &query))
    }
}

/// What the link with this hash is good for.
pub(super) fn worth(hash: u64) -> Worth {
    match Link::dice(hash).below(100) {
        ..12 => Worth::NoHead(403),
        12..20 => Worth::NoHead(405),
        20..26 => Worth::NoHead(501),
        26..30 => Worth::NoHead(400),
        30..38 => Worth::Elsewhere,
        38..42 => Worth::Nowhere,
        42..44 => Worth::Huge,
        _ => Worth::Good,
    }
}

/// How it says when it expires, and whether that is far away.
fn style(hash: u64) -> (Style, bool) {
    let mut dice = Dice::new(hash, 2, 0x3ED1);
    let style = dice.pick(&[Style::Unsaid, Style::Amazon, Style::CloudFront, Style::Azure]);
    (style, dice.percent(70))
}

/// What only the sandbox can write under a link.
fn seal(seed: u64, path: &str, query: &str) -> String {
    let hash = Sha256::new()
        .chain_update(seed.to_be_bytes())
        .chain_update(path)
        .chain_update(b"?")
        .chain_update(query)
        .finalize();
    hash[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The sandbox did not write it.
    Forged,
    /// It has expired.
    Expired,
}

/// Reads the query of a link, whose path is `path`, and checks what it says of itself.
pub(super) fn check(hash: u64, path: &str, query: &str, seed: u64, now: Moment) -> Result<(), Flaw> {
    let mark = match style(hash).0 {
        Style::Unsaid => return Ok(()),
        Style::Amazon => "&X-Amz-Signature=",
        Style::CloudFront => "&Signature=",
        Style::Azure => "&sig=",
    };
    let (said, sealed) = query.rsplit_once(mark).ok_or(Flaw::Forged)?;
    if seal(seed, path, said) != sealed {
        return Err(Flaw::Forged);
    }
    match expiry(said) {
        Some(expires) if expires <= now => Err(Flaw::Expired),
        Some(_) => Ok(()),
        None => Err(Flaw::Forged),
    }
}

fn expiry(query: &str) -> Option<Moment> {
    let pairs = form::pairs(query)?;
    let seconds =
        |text: &str| Some(Moment::from_nanos(text.parse::<i64>().ok()?.checked_mul(1_000_000_000)?));
    if let Some(expires) = form::value(&pairs, "Expires") {
        return seconds(expires);
    }
    if let Some(expires) = form::value(&pairs, "se") {
        return expires.parse().ok();
    }
    let date = form::value(&pairs, "X-Amz-Date")?.strip_suffix('Z')?;
    let (day, time) = date.split_once('T')?;
    let part = |text: &str, range: std::ops::Range<usize>| text.get(range).map(str::to_owned);
    let signed: Moment = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(day, 0..4)?,
        part(day, 4..6)?,
        part(day, 6..8)?,
        part(time, 0..2)?,
        part(time, 2..4)?,
        part(time, 4..6)?
    )
    .parse()
    .ok()?;
    let left = form::value(&pairs, "X-Amz-Expires")?.parse().ok()?;
    Some(signed.shifted(jiff::SignedDuration::from_secs(left)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_link_is_good_until_it_says_so_and_not_after(hash: u64, sent in 0_i64..2_000_000_000) {
            let link = Link::of(b"image", hash, Some(7), sent * 1_000_000_000).unwrap();
            let url = link.url("http://sandbox", 3);
            let rest = url.strip_prefix("http://sandbox").unwrap();
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let at = |seconds: i64| Moment::from_nanos(seconds * 1_000_000_000);
            match link.expires() {
                None => prop_assert_eq!(check(hash, path, query, 3, at(LASTING * 2)), Ok(())),
                Some(expires) => {
                    prop_assert_eq!(check(hash, path, query, 3, at(expires - 1)), Ok(()));
                    prop_assert_eq!(check(hash, path, query, 3, at(expires)), Err(Flaw::Expired));
                    prop_assert_eq!(check(hash, path, query, 4, at(expires - 1)), Err(Flaw::Forged));
                    let later = query.replacen('0', "1", 1);
                    if later != query {
                        prop_assert_eq!(check(hash, path, &later, 3, at(0)), Err(Flaw::Forged));
                    }
                }
            }
        }
    }

    #[test]
    fn every_kind_of_link_comes_up() {
        let links = (0..400).map(|hash| Link::of(b"file", crate::random::mix(1, hash), None, 0).unwrap());
        let count = |wanted: Worth| links.clone().filter(|link| link.worth() == wanted).count();
        for worth in [Worth::Good, Worth::Elsewhere, Worth::Nowhere, Worth::Huge, Worth::NoHead(403)] {
            assert!(count(worth) > 1, "{worth:?}");
        }
        assert!(links.clone().any(|link| link.expires() == Some(A_WEEK)));
        assert!(links.clone().any(|link| link.expires() == Some(LASTING)));
        assert!(Link::of(b"text", 1, None, 0).is_none());
    }
}
