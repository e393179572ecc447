//! Social security numbers of the United States: three, two and four digits, or nine where a word before
//! says so.

use super::digits::{Group, Joint};

/// The groups that are such a number: how many, and whether a word before has to say so.
///
/// `before` is the length of the group before the first; a number in the middle of others is one of many.
pub(super) fn leading(groups: &[Group], before: Option<u8>) -> Option<(usize, bool)> {
    let first = groups.first()?;
    if first.word_before {
        return None;
    }
    if let Some([area, group, serial]) = groups.first_chunk()
        && [area.len, group.len, serial.len] == [3, 2, 4]
        && group.joint == serial.joint
        && matches!(group.joint, Joint::Dash | Joint::Space | Joint::Dot)
    {
        let next = groups.get(3).map(|next| next.joint);
        let goes_on = before.is_some() && first.joint == group.joint || next == Some(group.joint);
        let among_others = group.joint == Joint::Space && (before.is_some() || next.is_some());
        let valid = !serial.word_after && is_valid(area.value, group.value, serial.value);
        return (valid && !goes_on && !among_others).then_some((3, false));
    }
    let count = nine_digits(groups)?;
    let value = groups[..count].iter().fold(0, |sum, group| sum * 10_u64.pow(group.len.into()) + group.value);
    let valid = is_valid(value / 1_000_000, value / 10_000 % 100, value % 10_000);
    (valid && !groups[count - 1].word_after).then_some((count, true))
}

/// How many groups have nine digits together: at most three.
fn nine_digits(groups: &[Group]) -> Option<usize> {
    let mut len = 0;
    for (index, group) in groups.iter().take(3).enumerate() {
        len += u32::from(group.len);
        let joined = index == 0 || matches!(group.joint, Joint::Dash | Joint::Space);
        match len {
            _ if !joined => return None,
            9 => return Some(index + 1),
            ..9 => {}
            _ => return None,
        }
    }
    None
}

/// What the administration has ever given out, and will: no area 000, 666 or 9xx, no group 00, no serial 0000.
fn is_valid(area: u64, group: u64, serial: u64) -> bool {
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}
