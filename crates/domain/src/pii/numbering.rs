//! Which digits are a phone number, as the numbering plans have it.
//!
//! With the feature `phone-numbers` the plans are libphonenumber's, in the crate `phonenumber`. Of it only the data is
//! used: its own matching keeps a hundred compiled patterns for some two thousand, so that a text with numbers of many
//! countries compiles one for each number. Here each country's is compiled when it is first met, and kept.
//!
//! Without the feature any country's numbers are as long as E.164 lets them be, and there are no regions' numbers.

#[cfg(feature = "phone-numbers")]
mod plans;

use super::Region;

/// A number without the code of its country.
pub(super) struct National {
    /// How long each group of its usual format is.
    groups: Vec<usize>,
    /// Whether it has the trunk digit that its format always has.
    pub(super) with_trunk: bool,
}

impl National {
    /// How many digits it has, without the trunk digit that is dialled before it at home.
    pub(super) fn significant(&self) -> usize {
        self.groups.iter().sum()
    }

    /// Whether a group of its format begins or ends before its digit at `place`.
    pub(super) fn is_border(&self, place: usize) -> bool {
        let mut end = 0;
        place == 0
            || self.groups.iter().any(|group| {
                end += group;
                end == place
            })
    }

    /// Whether it may be divided before its digit at `place`: between two groups, or within the last one where that is
    /// long enough to be divided again.
    pub(super) fn may_divide(&self, place: usize) -> bool {
        const LONG: usize = 5;
        let last = self.groups.last().copied().unwrap_or(0);
        self.is_border(place) || last >= LONG && place + last > self.significant()
    }
}

/// Whether the digits are a number of the country whose code they begin with.
#[cfg(feature = "phone-numbers")]
pub(super) fn is_international(digits: &[u8]) -> bool {
    plans::is_international(digits)
}

/// Whether the digits are as many as a number with the code of a country has.
#[cfg(not(feature = "phone-numbers"))]
pub(super) fn is_international(digits: &[u8]) -> bool {
    (8..=15).contains(&digits.len()) && digits[0] != b'0'
}

/// The number the digits are in a region: with or without its trunk digit, or with the digits one calls abroad with.
#[cfg(feature = "phone-numbers")]
pub(super) fn national(region: Region, digits: &[u8]) -> Option<National> {
    plans::national(region, digits)
}

/// None: there are no plans to know it from.
#[cfg(not(feature = "phone-numbers"))]
pub(super) fn national(_: Region, _: &[u8]) -> Option<National> {
    None
}
