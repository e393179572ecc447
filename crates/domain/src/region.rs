//! The platform's regions (platform contract A.1): a domain each, under which every host lies.

use std::fmt;
use std::str::FromStr;

use crate::Violation;
use crate::suggest::{nearest, shortened};

/// Names, domains and the names of the older regions' alias domains, in the contract's order.
const TABLE: [(&str, &str, &str); 18] = [
    ("us_east_1", "mypurecloud.com", "use1.pure.cloud"),
    ("us_east_2", "use2.us-gov-pure.cloud", ""),
    ("us_west_2", "usw2.pure.cloud", ""),
    ("ca_central_1", "cac1.pure.cloud", ""),
    ("sa_east_1", "sae1.pure.cloud", ""),
    ("mx_central_1", "mxc1.pure.cloud", ""),
    ("eu_west_1", "mypurecloud.ie", "euw1.pure.cloud"),
    ("eu_west_2", "euw2.pure.cloud", ""),
    ("eu_central_1", "mypurecloud.de", "euc1.pure.cloud"),
    ("eu_central_2", "euc2.pure.cloud", ""),
    ("eusc_de_east_1", "edee1.eusc-pure.cloud", ""),
    ("me_central_1", "mec1.pure.cloud", ""),
    ("ap_south_1", "aps1.pure.cloud", ""),
    ("ap_northeast_1", "mypurecloud.jp", "apne1.pure.cloud"),
    ("ap_northeast_2", "apne2.pure.cloud", ""),
    ("ap_northeast_3", "apne3.pure.cloud", ""),
    ("ap_southeast_1", "apse1.pure.cloud", ""),
    ("ap_southeast_2", "mypurecloud.com.au", "apse2.pure.cloud"),
];

/// A region of the platform.
///
/// Read from the name the vendor's tools use, with hyphens or underscores (`eu_central_1`, `eu-central-1`), from its domain,
/// or from one of its hosts. An alias domain means the region it is an alias of.
///
/// ```
/// use frontdesk_domain::region::Region;
///
/// let region: Region = "eu-central-1".parse()?;
/// assert_eq!(region.domain(), "mypurecloud.de");
/// assert_eq!(region.api_url(), "https://api.mypurecloud.de");
/// assert_eq!(region.login_url(), "https://login.mypurecloud.de");
/// assert_eq!(region.socket_url(), "wss://webmessaging.mypurecloud.de/v1");
/// assert_eq!("api.mypurecloud.de".parse(), Ok(region));
///
/// let error = "eu-centrall-1".parse::<Region>().unwrap_err();
/// assert!(error.to_string().ends_with("did you mean eu_central_1?"));
/// # Ok::<(), frontdesk_domain::region::UnknownRegion>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region(&'static (&'static str, &'static str, &'static str));

impl Region {
    /// Every region, in the contract's order.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(Self)
    }

    /// Its name, as the vendor's SDKs write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.0
    }

    /// The domain its hosts are under.
    #[must_use]
    pub fn domain(self) -> &'static str {
        self.0.1
    }

    /// Where its API is.
    #[must_use]
    pub fn api_url(self) -> String {
        format!("https://api.{}", self.domain())
    }

    /// Where its tokens come from.
    #[must_use]
    pub fn login_url(self) -> String {
        format!("https://login.{}", self.domain())
    }

    /// Where its guests' WebSockets are; the deployment is named by the query.
    #[must_use]
    pub fn socket_url(self) -> String {
        format!("wss://webmessaging.{}/v1", self.domain())
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Self, UnknownRegion> {
        let lower = text.trim().to_ascii_lowercase();
        let name = lower.replace('-', "_");
        // An address may stand for its region: `https://api.usw2.pure.cloud`.
        let host = lower.trim_start_matches("https://").trim_end_matches('/');
        let domain =
            ["api.", "login.", "apps."].iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(host);
        let found = Self::all().find(|region| {
            let (own, own_domain, alias) = *region.0;
            own == name || own_domain == domain || !alias.is_empty() && alias == domain
        });
        found.ok_or_else(|| {
            let names: Vec<&'static str> = Self::all().map(Self::name).collect();
            let domains: Vec<&'static str> = Self::all().map(Self::domain).collect();
            UnknownRegion {
                text: shortened(text),
                nearest: nearest(&name, &names).or_else(|| nearest(domain, &domains)),
            }
        })
    }
}

/// A text that names no region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRegion {
    text: String,
    nearest: Option<&'static str>,
}

impl UnknownRegion {
    /// The name or domain that was probably meant.
    #[must_use]
    pub fn nearest(&self) -> Option<&'static str> {
        self.nearest
    }
}

impl fmt::Display for UnknownRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no region {}", self.text)?;
        match self.nearest {
            Some(name) => write!(f, ": did you mean {name}?"),
            None => {
                f.write_str("; write its name, such as eu_central_1, or its domain, such as mypurecloud.de")
            }
        }
    }
}

impl std::error::Error for UnknownRegion {}

impl From<UnknownRegion> for Violation {
    fn from(error: UnknownRegion) -> Self {
        Self::new("", "region.unknown", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_region_is_found_by_all_its_names() {
        let mut seen = HashSet::new();
        for region in Region::all() {
            let (name, domain, alias) = *region.0;
            assert!(seen.insert(name) && seen.insert(domain), "{name} is there twice");
            for text in [name.to_owned(), name.replace('_', "-"), name.to_uppercase(), domain.to_owned()] {
                assert_eq!(text.parse(), Ok(region), "{text}");
            }
            for text in [region.api_url(), region.login_url(), format!("{}/", region.api_url())] {
                assert_eq!(text.parse(), Ok(region), "{text}");
            }
            assert!(alias.is_empty() || alias.parse() == Ok(region));
        }
        assert_eq!(seen.len(), 36);
    }

    #[test]
    fn a_misspelt_region_names_the_nearest() {
        for (text, meant) in [
            ("us_esat_1", Some("us_east_1")),
            ("eu-centrl-1", Some("eu_central_1")),
            ("mypurecloud.dee", Some("mypurecloud.de")),
            ("usw2.pur.cloud", Some("usw2.pure.cloud")),
            ("euw1", None),
            ("", None),
            ("atlantis", None),
        ] {
            let error = text.parse::<Region>().unwrap_err();
            assert_eq!(error.nearest(), meant, "{text}");
        }
        let error = "a\u{1b}b".parse::<Region>().unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
    }
}
