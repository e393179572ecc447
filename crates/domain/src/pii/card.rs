//! Payment cards: Luhn's digit, a known issuer, and a layout people write.

use super::digits::{Group, Joint};

/// The shortest and the longest number.
const LENGTHS: std::ops::RangeInclusive<u32> = 12..=19;

/// How cards are embossed and typed, longest first. A card is one of these, or one group, or groups of one size.
const LAYOUTS: [&[u8]; 8] = [
    &[4, 4, 4, 4, 3],
    &[6, 13],
    &[4, 4, 4, 4],
    &[4, 6, 5],
    &[4, 6, 4],
    &[4, 4, 5],
    &[4, 4, 4, 1],
    &[4, 4, 4, 2],
];

/// How sure an issuer's range is by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// The range and the length say enough.
    Yes,
    /// Many other numbers are like it: a word before it has to say that it is a card.
    WithWord,
}

/// The groups that are a card number: how many, and how sure.
///
/// `before` is the length of the group before the first; `whole` says that the row has no other groups.
pub(super) fn leading(groups: &[Group], before: Option<u8>, whole: bool) -> Option<(usize, Sure)> {
    let first = groups.first()?;
    if first.word_before || u32::from(first.len) > *LENGTHS.end() {
        return None;
    }
    one_group(groups)
        .or_else(|| laid_out(groups))
        .or_else(|| equal_groups(groups, before))
        .or_else(|| whole_row(groups, whole))
}

/// `4111111111111111`. What a decimal point joins is a fraction.
fn one_group(groups: &[Group]) -> Option<(usize, Sure)> {
    let fraction =
        groups[0].joint == Joint::Dot || groups.get(1).is_some_and(|next| next.joint == Joint::Dot);
    if fraction { None } else { judged(groups, 1) }
}

/// `4111 1111 1111 1111`, `3782-822463-10005`; a line may end once within it.
fn laid_out(groups: &[Group]) -> Option<(usize, Sure)> {
    LAYOUTS.iter().find_map(|layout| {
        let candidate = groups.get(..layout.len())?;
        let fits = candidate.iter().zip(*layout).all(|(group, &len)| group.len == len);
        let joint = joined_alike(candidate).filter(|_| fits)?;
        // With a space before or behind it there may be anything; with a dash it is part of something longer.
        let goes_on = joint != Joint::Space
            && (groups[0].joint == joint || groups.get(layout.len()).is_some_and(|next| next.joint == joint));
        if goes_on { None } else { judged(groups, layout.len()) }
    })
}

/// `4 1 1 1 …`, `41 11 11 …`, `41111111 11111111`: groups of one size, the last one perhaps shorter, and no more of them.
fn equal_groups(groups: &[Group], before: Option<u8>) -> Option<(usize, Sure)> {
    let size = groups[0].len;
    let next = groups.get(1).filter(|next| next.len == size)?;
    if before == Some(size) && groups[0].joint == next.joint {
        return None;
    }
    let alike =
        groups[1..].iter().take_while(|group| group.len == size && group.joint == next.joint).count() + 1;
    let shorter = groups.get(alike).is_some_and(|last| last.len < size && last.joint == next.joint);
    let with_last = shorter.then(|| judged(groups, alike + 1)).flatten();
    with_last
        .or_else(|| judged(groups, alike))
        .filter(|(_, sure)| *sure == Sure::Yes && next.joint != Joint::Line)
}

/// Any other division, where the row is nothing but the card.
fn whole_row(groups: &[Group], whole: bool) -> Option<(usize, Sure)> {
    let divided = whole && (2..=6).contains(&groups.len()) && groups.iter().all(|group| group.len > 1);
    if !divided {
        return None;
    }
    joined_alike(groups)?;
    judged(groups, groups.len()).filter(|(_, sure)| *sure == Sure::Yes)
}

/// What joins all the groups; the end of a line may stand in for it once.
fn joined_alike(groups: &[Group]) -> Option<Joint> {
    let joints = || groups[1..].iter().map(|group| group.joint);
    let lines = joints().filter(|&joint| joint == Joint::Line).count();
    let joint = joints().find(|&joint| joint != Joint::Line).unwrap_or(Joint::Line);
    let usual = matches!(joint, Joint::Space | Joint::Dash | Joint::Dot | Joint::Line);
    (usual && lines <= 1 && joints().all(|other| other == joint || other == Joint::Line)).then_some(joint)
}

/// Whether the first `count` groups together are a card number.
fn judged(groups: &[Group], count: usize) -> Option<(usize, Sure)> {
    let groups = groups.get(..count)?;
    if groups.last()?.word_after {
        return None;
    }
    let mut len = 0;
    let mut value = 0_u64;
    for group in groups {
        len += u32::from(group.len);
        if len > *LENGTHS.end() {
            return None;
        }
        value = value * 10_u64.pow(u32::from(group.len)) + group.value;
    }
    let sure = LENGTHS.contains(&len).then(|| issuer(value, len)).flatten()?;
    luhn(value).then_some((count, sure))
}

/// Whether a known issuer's numbers begin like this and are as long.
fn issuer(value: u64, len: u32) -> Option<Sure> {
    let leading = |digits: u32| value / 10_u64.pow(len - digits);
    let yes = |known: bool| known.then_some(Sure::Yes);
    let long = (16..=19).contains(&len);
    match (leading(2), len) {
        // Visa. Thirteen digits are long out of use, and are the numbers on goods, too.
        (40..=49, 16 | 19) => Some(Sure::Yes),
        (40..=49, 13) => Some(Sure::WithWord),
        // American Express.
        (34 | 37, 15) => Some(Sure::Yes),
        // Mastercard, Mir.
        (51..=55, 16) => Some(Sure::Yes),
        (22..=27, 16) if (2221..=2720).contains(&leading(4)) => Some(Sure::Yes),
        (22, _) => yes(long && (2200..=2204).contains(&leading(4))),
        // Diners Club; JCB.
        (36 | 38 | 39, _) => yes(len == 14 || long),
        (30, _) => yes((len == 14 || long) && matches!(leading(4), 3000..=3059 | 3095)),
        (35, _) => yes(long && (3528..=3589).contains(&leading(4))),
        // UnionPay, RuPay, Discover, Maestro and its relatives.
        (81 | 82, _) => yes(long),
        (50 | 56..=58 | 60..=69, 16..=19) => Some(Sure::Yes),
        (50 | 56..=58 | 60..=69, _) => Some(Sure::WithWord),
        // Uzcard, Humo, Troy.
        (86 | 97 | 98, 16) => yes(matches!(leading(4), 8600 | 9792 | 9860)),
        // UATP, the card of airlines.
        (10..=19, 15) => Some(Sure::WithWord),
        _ => None,
    }
}

/// Luhn's check (ISO/IEC 7812-1): every second digit from the right counts twice, its digits summed.
fn luhn(mut value: u64) -> bool {
    let mut sum = 0;
    while value > 0 {
        let twice = value / 10 % 10 * 2;
        sum += value % 10 + twice / 10 + twice % 10;
        value /= 100;
    }
    sum % 10 == 0
}
