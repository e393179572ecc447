//! Words in messages: repeated safely, and what was probably meant.

/// How long a word may be to be compared and repeated, in characters.
const SHOWN: usize = 40;

/// A word as a message may repeat it: on one line, and short.
pub(crate) fn shortened(word: &str) -> String {
    let more = if word.chars().nth(SHOWN).is_some() { "…" } else { "" };
    let mut shown = String::new();
    for character in word.chars().take(SHOWN) {
        // What cannot be seen is named; a quote can be seen.
        match character {
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown + more
}

/// The name that differs least: by case only, or by at most two characters and less than half of it.
pub(crate) fn nearest(word: &str, names: &[&'static str]) -> Option<&'static str> {
    if word.chars().nth(SHOWN).is_some() {
        return None;
    }
    let lower = word.to_lowercase();
    names
        .iter()
        .map(|&name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|&(distance, name)| distance <= 2 && 2 * distance < name.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// How many characters must be added, removed, changed, or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    // Row by row of the table: the row two above, the row above, this one.
    let mut above = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, &left) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, &right) in to.iter().enumerate() {
            let changed = row[j] + usize::from(left != right);
            let mut least = changed.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && left == to[j - 1] && from[i - 1] == right {
                least = least.min(above[j - 1] + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}
