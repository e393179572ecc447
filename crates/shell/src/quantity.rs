//! Durations and sizes as people write them.

use std::time::Duration;

/// Why a quantity could not be read; says which forms can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}; write {forms}")]
pub struct QuantityError {
    text: String,
    what: &'static str,
    forms: &'static str,
}

/// Reads a duration: a whole number with a unit `ms`, `s`, `m`, `h` or `d`. Plain `0` is zero.
///
/// # Errors
/// When there is no number, no known unit, or the duration is beyond 10,000 years.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(frontdesk_shell::quantity::duration("72h").unwrap(), Duration::from_secs(72 * 3600));
/// assert!(frontdesk_shell::quantity::duration("72").is_err());
/// ```
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    const YEARS_10_000: u64 = 10_000 * 366 * 86_400;
    let fail = || QuantityError {
        text: shown(text),
        what: "duration",
        forms: "a whole number with ms, s, m, h or d, such as 500ms, 30s or 72h",
    };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (number, unit) = split(text).ok_or_else(fail)?;
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(fail()),
    };
    let duration = number.checked_mul(millis_per_unit).map(Duration::from_millis).ok_or_else(fail)?;
    if duration.as_secs() > YEARS_10_000 { Err(fail()) } else { Ok(duration) }
}

/// Reads a size in bytes: a whole number, alone or with `KiB`, `MiB` or `GiB` (`k`, `M`, `G` for short).
///
/// # Errors
/// When there is no number, no known unit, or the size does not fit 64 bits.
///
/// ```
/// assert_eq!(frontdesk_shell::quantity::size("256KiB").unwrap(), 262_144);
/// assert_eq!(frontdesk_shell::quantity::size("262144").unwrap(), 262_144);
/// ```
pub fn size(text: &str) -> Result<u64, QuantityError> {
    let fail = || QuantityError {
        text: shown(text),
        what: "size",
        forms: "bytes as a whole number, or with KiB, MiB or GiB, such as 256KiB",
    };
    let (number, unit) = split(text).ok_or_else(fail)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" | "k" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        _ => return Err(fail()),
    };
    number.checked_mul(factor).ok_or_else(fail)
}

/// Writes a size for people: `1.4 MiB`.
pub fn show_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut shown = bytes as f64;
    while shown >= 1024.0 && unit + 1 < UNITS.len() {
        shown /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{shown:.1} {}", UNITS[unit]) }
}

/// Writes a whole number with thousands separated, for people: `12,174`.
pub fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_both_sides_of_each_border() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("1ms", 1),
            ("30s", 30_000),
            (" 2 m ", 120_000),
            ("72h", 259_200_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "h", "72", "-1s", "1.5h", "1w", "72 hours", "99999999999999999999s", "999999999999d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_both_sides_of_each_border() {
        for (text, bytes) in
            [("1", 1), ("0", 0), ("256KiB", 262_144), ("64 MiB", 67_108_864), ("1G", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1.5MiB", "-1", "1 TB", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn figures_for_people() {
        assert_eq!(show_size(1023), "1023 B");
        assert_eq!(show_size(1024), "1.0 KiB");
        assert_eq!(show_size(1_468_006), "1.4 MiB");
        assert_eq!(show_count(0), "0");
        assert_eq!(show_count(999), "999");
        assert_eq!(show_count(12_174), "12,174");
        assert_eq!(show_count(1_000_000), "1,000,000");
    }
}
