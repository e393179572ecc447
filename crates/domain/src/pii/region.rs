//! The region whose phone numbers need no `+`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::suggest::shortened;

/// Every region with a numbering plan, one after the other.
const KNOWN: &str = "\
ACADAEAFAGAIALAMAOARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBWBYBZCACCCDCFCGCHCICKCLCMCNCO\
CRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGTGUGWGYHKHNHRHT\
HUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMN\
MOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPMPRPSPTPWPYQARERORSRURWSASBSCSD\
SESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTATCTDTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUSUYUZVAVCVEVGVIVNVUWFWSXK\
YEYTZAZMZW";

/// A region with a numbering plan by its two letters (ISO 3166-1), in capitals.
///
/// ```
/// use frontdesk_domain::pii::Region;
///
/// assert_eq!("de".parse::<Region>()?.as_str(), "DE");
/// assert!("Germany".parse::<Region>().is_err());
/// assert!("QQ".parse::<Region>().is_err());
/// # Ok::<(), frontdesk_domain::pii::RegionError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region([u8; 2]);

impl Region {
    /// Its two letters.
    ///
    /// # Panics
    /// Never: they are ASCII letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }

    /// Every region there is, in alphabetical order.
    ///
    /// ```
    /// use frontdesk_domain::pii::Region;
    ///
    /// assert!(Region::all().any(|region| region.as_str() == "NZ"));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.as_bytes().as_chunks().0.iter().copied().map(Self)
    }

    /// Its two letters, `A` to `Z`.
    #[cfg(feature = "phone-numbers")]
    pub(super) fn letters(self) -> [u8; 2] {
        self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        let known = |letters: &[u8; 2]| KNOWN.as_bytes().chunks(2).any(|known| known == letters);
        <[u8; 2]>::try_from(text.as_bytes())
            .map(|letters| letters.map(|letter| letter.to_ascii_uppercase()))
            .ok()
            .filter(known)
            .map(Self)
            .ok_or_else(|| RegionError { text: shortened(text) })
    }
}

impl TryFrom<String> for Region {
    type Error = RegionError;

    fn try_from(text: String) -> Result<Self, RegionError> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.as_str().to_owned()
    }
}

/// Not the two letters of a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionError {
    text: String,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no region with phone numbers: write its two letters, such as US or DE", self.text)
    }
}

impl std::error::Error for RegionError {}

impl From<RegionError> for Violation {
    fn from(error: RegionError) -> Self {
        Self::new("", "pii.region", error.to_string())
    }
}
