//! Numbers that look random and are functions of a seed: everything the sandbox makes up comes from
//! here, so equal seeds give equal bytes on every machine.

/// Mixes two numbers into one (the finaliser of SplitMix64 over their combination).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number for a text (FNV-1a, then mixed): an id decides by it which queue it belongs to.
pub(crate) fn hash_text(text: &[u8]) -> u64 {
    let fnv = text.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    mix(fnv, 0)
}

/// A number in `0..1` for a place in a sequence.
pub(crate) fn fraction(seed: u64, place: u64) -> f64 {
    // 53 bits are what a double holds exactly.
    (mix(seed, place) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A stream of numbers for one purpose.
pub(crate) struct Dice {
    state: u64,
    rolled: u64,
}

impl Dice {
    /// Streams of different seeds, numbers or purposes have nothing in common.
    pub(crate) fn new(seed: u64, number: u64, purpose: u64) -> Self {
        Self { state: mix(mix(seed, number), purpose), rolled: 0 }
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.rolled += 1;
        mix(self.state, self.rolled)
    }

    /// A number in `0..bound`, or 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: no division, and no bias that a simulator could notice.
        let wide = u128::from(self.roll()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of `choices`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// Appends an id that looks like a UUID, made from two numbers.
pub(crate) fn write_id(out: &mut Vec<u8>, high: u64, low: u64) {
    let bytes = ((u128::from(high) << 64) | u128::from(low)).to_be_bytes();
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_stay_in_bounds() {
        let rolls = |purpose| {
            let mut dice = Dice::new(7, 3, purpose);
            (0..100).map(|_| dice.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        assert!((0..10).all(|n| rolls(1).contains(&n)) && rolls(1).iter().all(|n| *n < 10));
        assert_eq!(Dice::new(1, 1, 1).below(0), 0);
    }

    #[test]
    fn an_id_looks_like_a_uuid() {
        let mut out = Vec::new();
        write_id(&mut out, 1, 2);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "00000000-0000-4001-8000-000000000002");
    }
}
