//! The numbering plans of all countries, out of libphonenumber's data.

use std::sync::OnceLock;

use phonenumber::Metadata;
use phonenumber::metadata::DATABASE;
use regex::bytes::{Regex, RegexBuilder};

use super::National;
use crate::pii::Region;

/// The numbers of each calling code, compiled when they are first asked for. Codes have at most three digits.
static CODES: [OnceLock<Option<Regex>>; 1_000] = [const { OnceLock::new() }; 1_000];

/// The plan of each region, by its two letters.
static REGIONS: [OnceLock<Option<Plan>>; 26 * 26] = [const { OnceLock::new() }; 26 * 26];

/// Whether the digits are a number of the country whose code they begin with.
pub(super) fn is_international(digits: &[u8]) -> bool {
    // No code is the beginning of another one.
    let code = (1..=3.min(digits.len())).find_map(|len| {
        let code = digits[..len].iter().fold(0, |code, digit| code * 10 + usize::from(digit - b'0'));
        Some((numbers_of(code)?, len))
    });
    code.is_some_and(|(numbers, len)| {
        let number = &digits[len..];
        // Some write the trunk digit although nobody dials it from abroad.
        numbers.is_match(number) || number.strip_prefix(b"0").is_some_and(|number| numbers.is_match(number))
    })
}

/// The number the digits are in a region.
pub(super) fn national(region: Region, digits: &[u8]) -> Option<National> {
    let plan = plan_of(region)?;
    if let Some(abroad) = plan.abroad.as_ref().and_then(|prefix| prefix.find(digits)) {
        let rest = &digits[abroad.end()..];
        if is_international(rest) {
            // How other countries divide their numbers is left open: into any groups of two and more.
            return Some(National { groups: vec![rest.len()], with_trunk: true });
        }
    }
    let without_trunk = plan.without_trunk(digits);
    let number = if plan.numbers.is_match(&without_trunk) { without_trunk } else { digits.to_vec() };
    if !plan.numbers.is_match(&number) {
        return None;
    }
    let (groups, with_trunk) = plan.groups(&number);
    let dialled = number != digits;
    (dialled || !with_trunk).then_some(National { groups, with_trunk: dialled && with_trunk })
}

/// How the numbers of a region are made and written.
struct Plan {
    numbers: Regex,
    abroad: Option<Regex>,
    trunk: Option<Regex>,
    /// What the trunk digits are replaced with, where they are not just left out.
    transform: Option<String>,
    formats: Vec<Format>,
}

/// How some numbers of a region are written.
struct Format {
    /// Which digits they begin with.
    leading: Option<Regex>,
    groups: Regex,
    /// Whether they are never written without their trunk digit.
    with_trunk: bool,
}

impl Plan {
    fn of(plan: &Metadata) -> Option<Self> {
        let prefix = |pattern: &str| compiled(&format!("^(?:{pattern})"));
        let formats = plan.formats().iter().filter_map(|format| {
            let rule = format.national_prefix().unwrap_or_default();
            Some(Format {
                // The last of several is the most exact one.
                leading: format.leading_digits().last().and_then(|digits| prefix(digits.as_str())),
                groups: compiled(&format!("^(?:{})$", format.pattern().as_str()))?,
                with_trunk: rule.contains("$NP") && !format.is_national_prefix_optional(),
            })
        });
        Some(Self {
            numbers: compiled(&format!("^(?:{})$", numbers(plan)))?,
            abroad: plan.international_prefix().and_then(|pattern| prefix(pattern.as_str())),
            trunk: match plan.national_prefix_for_parsing() {
                Some(pattern) => prefix(pattern.as_str()),
                None => plan.national_prefix().and_then(prefix),
            },
            transform: plan.national_prefix_transform_rule().map(str::to_owned),
            formats: formats.collect(),
        })
    }

    /// The digits without what is dialled before them at home, which some regions put other digits in place of.
    fn without_trunk(&self, digits: &[u8]) -> Vec<u8> {
        let Some(captures) = self.trunk.as_ref().and_then(|trunk| trunk.captures(digits)) else {
            return digits.to_vec();
        };
        let end = captures.get(0).map_or(0, |whole| whole.end());
        let last = (1..captures.len()).next_back().and_then(|group| captures.get(group));
        let mut number = Vec::with_capacity(digits.len() + 2);
        match &self.transform {
            // `$1` and the like, one digit each.
            Some(rule) if last.is_some() => captures.expand(braced(rule).as_bytes(), &mut number),
            _ => {}
        }
        number.extend_from_slice(&digits[end..]);
        number
    }

    /// How long the groups are in which the number is usually written, and whether its trunk digit belongs to it; all of
    /// it is one group where no format is known.
    fn groups(&self, number: &[u8]) -> (Vec<usize>, bool) {
        let format = self.formats.iter().find_map(|format| {
            let fits = format.leading.as_ref().is_none_or(|leading| leading.is_match(number));
            Some((format.groups.captures(number).filter(|_| fits)?, format.with_trunk))
        });
        match format {
            Some((groups, with_trunk)) => {
                (groups.iter().skip(1).flatten().map(|group| group.len()).collect(), with_trunk)
            }
            None => (vec![number.len()], false),
        }
    }
}

/// `9$1` as the replacement it means here: `9${1}`.
fn braced(rule: &str) -> String {
    let mut out = String::with_capacity(rule.len() + 2);
    let mut characters = rule.chars();
    while let Some(character) = characters.next() {
        out.push(character);
        if character == '$'
            && let Some(group) = characters.next()
        {
            out.extend(['{', group, '}']);
        }
    }
    out
}

fn numbers_of(code: usize) -> Option<&'static Regex> {
    CODES[code]
        .get_or_init(|| {
            let plans = DATABASE.by_code(&u16::try_from(code).ok()?)?;
            let patterns: Vec<_> = plans.into_iter().map(numbers).collect();
            compiled(&format!("^(?:{})$", patterns.join("|")))
        })
        .as_ref()
}

fn plan_of(region: Region) -> Option<&'static Plan> {
    let [first, second] = region.letters().map(|letter| usize::from(letter - b'A'));
    REGIONS[first * 26 + second].get_or_init(|| Plan::of(DATABASE.by_id(region.as_str())?)).as_ref()
}

/// The numbers of a plan, whatever they are for, as one pattern.
fn numbers(plan: &Metadata) -> String {
    let kinds = plan.descriptors();
    let kinds = [
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    let patterns: Vec<_> =
        kinds.into_iter().flatten().map(|kind| format!("(?:{})", kind.national_number().as_str())).collect();
    patterns.join("|")
}

fn compiled(pattern: &str) -> Option<Regex> {
    // The data is indented, and knows no other digits than ASCII's.
    RegexBuilder::new(pattern).ignore_whitespace(true).unicode(false).build().ok()
}
