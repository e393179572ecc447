//! Phone numbers: where one may stand in a text. Whether it is one, [`super::numbering`] knows.

use super::Region;
use super::digits::{Group, Joint};
use super::numbering::{self, National};

/// The most digits a number has, with the code of its country (E.164).
const MOST: usize = 15;

/// What was found at the first groups of a row.
#[derive(Default)]
pub(super) struct Leading {
    /// How many groups are the number, and where it begins: at its `+` or bracket.
    pub(super) found: Option<(usize, usize)>,
    /// How many digits were looked at.
    pub(super) looked: usize,
}

/// The number with `+` that a row begins with. Nothing before `floor` belongs to it.
pub(super) fn with_plus(text: &str, groups: &[Group], floor: usize) -> Leading {
    let mut leading = Leading::default();
    if let Some(first) = groups.first().filter(|first| first.joint == Joint::Start)
        && let Some(place) = Front::of(&text[floor..first.range.start]).plus
    {
        leading.found = international(text, groups, &mut leading.looked).map(|count| (count, floor + place));
    }
    leading
}

/// The region's number the first groups are, if they are one.
///
/// `before` is the length of the group before the first.
pub(super) fn of_region(
    text: &str,
    groups: &[Group],
    floor: usize,
    before: Option<u8>,
    region: Region,
) -> Leading {
    let mut leading = Leading::default();
    if let Some(first) = groups.first() {
        let at = floor + Front::of(&text[floor..first.range.start]).bracket;
        if may_begin(text, first, before, at) {
            leading.found = national(text, groups, region, &mut leading.looked).map(|count| (count, at));
        }
    }
    leading
}

/// What stands right before the first digit.
struct Front {
    /// Where the `+` stands, if there is one.
    plus: Option<usize>,
    /// Where a bracket before the digits begins, or where they begin themselves.
    bracket: usize,
}

impl Front {
    fn of(before: &str) -> Self {
        let opened = before.strip_suffix(['(', '\u{ff08}']);
        let bracket = opened.unwrap_or(before);
        let signed = bracket.strip_suffix(' ').unwrap_or(bracket).strip_suffix(['+', '\u{ff0b}']);
        let plus = signed.map(|signed| match signed.strip_suffix(['(', '\u{ff08}']) {
            Some(outer) => outer.len(),
            None => signed.len(),
        });
        // `3+14155552671` is a sum.
        let sum = signed.is_some_and(|signed| signed.ends_with(|c: char| c.is_ascii_digit()));
        Self { plus: plus.filter(|_| !sum), bracket: bracket.len() }
    }
}

/// With `+`: the most groups that are a number of the country they name.
fn international(text: &str, groups: &[Group], looked: &mut usize) -> Option<usize> {
    let written = |groups: &[Group]| {
        let spelt = groups[1..].iter().all(|group| group.len == 1);
        // `+494949-4-94` is no way to write a number, but digit by digit is, and one digit behind the country's code
        // or in brackets.
        let torn = |(index, group): (usize, &Group)| {
            let behind_code = index == 1 && groups[0].len <= 3;
            group.len == 1 && group.joint != Joint::Bracket && index > 0 && !behind_code
        };
        spelt || !groups.iter().enumerate().any(torn)
    };
    longest(text, groups, looked, written, |digits, _| numbering::is_international(digits))
}

/// Without `+`: the most groups that are a number of the region, divided as its numbers are.
fn national(text: &str, groups: &[Group], region: Region, looked: &mut usize) -> Option<usize> {
    let written = |candidate: &[Group]| {
        // A dash or a stop behind it goes on with something longer.
        let next = groups.get(candidate.len()).map(|next| next.joint);
        !matches!(next, Some(Joint::Dash | Joint::Dot | Joint::Slash))
            && candidate.iter().filter(|group| group.len == 1).count() <= 2
            && candidate.iter().filter(|group| group.joint == Joint::Slash).count() <= 1
            && !is_date(candidate)
    };
    longest(text, groups, looked, written, |digits, candidate| {
        numbering::national(region, digits)
            .is_some_and(|number| divided_alike(candidate, digits.len(), &number))
    })
}

/// The most groups that `is_number` takes, of those that are `written` like one. Longest first: a number goes on as long as
/// it can.
fn longest(
    text: &str,
    groups: &[Group],
    looked: &mut usize,
    written: impl Fn(&[Group]) -> bool,
    is_number: impl Fn(&[u8], &[Group]) -> bool,
) -> Option<usize> {
    let mut digits = Vec::with_capacity(MOST + 3);
    let mut ends = Vec::with_capacity(groups.len());
    for (index, group) in groups.iter().enumerate() {
        let len = usize::from(group.len);
        // Two more than the most: the digits with which one calls abroad.
        if digits.len() + len > MOST + 3 || index > 0 && group.joint == Joint::Line {
            break;
        }
        let zero = group.value == 0 && group.len == 1 && group.joint == Joint::Bracket;
        // `+44 (0)20`: dialled at home only.
        if !(zero && index == 1) {
            digits.extend(
                (0..u32::from(group.len))
                    .rev()
                    .map(|power| (group.value / 10_u64.pow(power) % 10) as u8 + b'0'),
            );
        }
        ends.push(digits.len());
    }
    for (index, &end) in ends.iter().enumerate().rev() {
        let (count, last) = (index + 1, &groups[index]);
        if end < 5
            || last.word_after && !is_extension(&text[last.range.end..])
            || is_amount(&text[last.range.end..])
        {
            continue;
        }
        if !written(&groups[..count]) {
            continue;
        }
        *looked += end;
        if is_number(&digits[..end], &groups[..count]) {
            return Some(count);
        }
    }
    None
}

/// `x12`, `ext. 12`: what goes on behind the number is an extension.
fn is_extension(after: &str) -> bool {
    let mut bytes = after.bytes();
    match bytes.next().map(|byte| byte.to_ascii_lowercase()) {
        Some(b'x') => bytes.next().is_some_and(|byte| byte.is_ascii_digit()),
        Some(b'e') => after.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("ext")),
        _ => false,
    }
}

/// `2025-03-12 10`, `20250312`: a day of this century or the last, year first.
fn is_date(groups: &[Group]) -> bool {
    let is_day = |year, month, day| {
        (1900..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
    };
    match groups {
        [year, month, day, ..] if [year.len, month.len, day.len] == [4, 2, 2] => {
            is_day(year.value, month.value, day.value)
        }
        [whole, ..] if whole.len == 8 => {
            is_day(whole.value / 10_000, whole.value / 100 % 100, whole.value % 100)
        }
        _ => false,
    }
}

/// Whether a sign of money or of a hundredth stands behind.
fn is_amount(after: &str) -> bool {
    after.starts_with(['%', '$', '€', '£', '¥', '\u{20b9}'])
}

/// Whether a number without `+` may begin here: not in the middle of something that is written together.
fn may_begin(text: &str, first: &Group, before: Option<u8>, at: usize) -> bool {
    let apart = match first.joint {
        Joint::Start => true,
        Joint::Space | Joint::Bracket | Joint::Line => before.is_some(),
        Joint::Dash | Joint::Dot | Joint::Slash => false,
    };
    let front = text[..at].chars().next_back();
    let joined = front.is_some_and(|c| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '.' | ',' | '-' | '/' | '#' | '%' | '$' | '€' | '£' | '¥' | '\u{20b9}' | '+')
    });
    apart && !first.word_before && !joined
}

/// Whether the groups of the text divide the number as its format does: not within a group of the format, unless it is the
/// last and long. Where the trunk digit says that it is a number, any division will do; but single digits stand apart only
/// where they do in the format.
fn divided_alike(groups: &[Group], digits: usize, number: &National) -> bool {
    let trunk = digits.saturating_sub(number.significant());
    let mut end = 0;
    let mut ends = groups.iter().map(|group| {
        let start = end;
        end += usize::from(group.len);
        (start.checked_sub(trunk), end.checked_sub(trunk))
    });
    groups.len() == 1
        || ends.all(|(start, end)| {
            let Some(end) = end.filter(|&end| end > 0) else { return true };
            let start = start.unwrap_or(0);
            let single = end - start == 1 && !(number.is_border(start) && number.is_border(end));
            !single && (number.with_trunk || number.may_divide(end))
        })
}
