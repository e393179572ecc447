//! Numbers that look random and are functions of a seed: everything the sandbox makes up comes from
//! here, so equal seeds give equal bytes on every machine.

/// The golden ratio's bits, which SplitMix64 steps by.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
/// `STEP` times this is 1.
const STEP_BACK: u64 = 0xF1DE_83E1_9937_733D;

/// Mixes two numbers into one (the finaliser of SplitMix64 over their combination).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_mul(STEP)).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What `mix` finalised to get `mixed`: the finaliser loses nothing, so an id tells which number it
/// was made from and nobody keeps a table of ids.
fn combined(mixed: u64) -> u64 {
    let mut z = mixed ^ (mixed >> 31) ^ (mixed >> 62);
    z = z.wrapping_mul(0x3196_42B2_D24D_8EC3);
    z = z ^ (z >> 27) ^ (z >> 54);
    z = z.wrapping_mul(0x96DE_1B17_3F11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

/// The `a` of `mix(a, b)`.
pub(crate) fn unmix_first(mixed: u64, b: u64) -> u64 {
    combined(mixed).wrapping_sub(b.wrapping_mul(STEP)).wrapping_sub(STEP)
}

/// The `b` of `mix(a, b)`.
pub(crate) fn unmix_second(mixed: u64, a: u64) -> u64 {
    combined(mixed).wrapping_sub(STEP).wrapping_sub(a).wrapping_mul(STEP_BACK)
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

/// The first of the two numbers that an id was made from, as far as the id tells: the four bits that
/// say its version are lost.
pub(crate) fn id_origins(id: &str) -> impl Iterator<Item = u64> + Clone {
    const VERSION: u64 = 0xF000;
    let high = uuid::Uuid::try_parse(id).ok().map(|id| id.as_u64_pair().0 & !VERSION);
    high.into_iter().flat_map(|high| (0..16).map(move |version| high | version << 12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_mixed_can_be_had_again(a: u64, b: u64) {
            prop_assert_eq!(unmix_first(mix(a, b), b), a);
            prop_assert_eq!(unmix_second(mix(a, b), a), b);
        }

        #[test]
        fn an_id_tells_what_it_was_made_from(high: u64, low: u64) {
            let mut id = Vec::new();
            write_id(&mut id, high, low);
            let id = String::from_utf8(id).unwrap();
            prop_assert!(id_origins(&id).any(|origin| origin == high));
            prop_assert_eq!(id_origins(&id[1..]).count(), 0);
        }
    }

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
