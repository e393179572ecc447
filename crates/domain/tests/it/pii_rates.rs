//! How often the recognisers are right, where that can be asked without data from elsewhere: every region's example numbers
//! (row R92), and lines that hold nothing of the kind (row R93). `docs/pii.md` has what is measured with other values.

use frontdesk_domain::pii::{PiiKind, Region, find};
use phonenumber::metadata::DATABASE;

/// Twenty ways in which a number stands in a text.
const FRAMES: [(&str, &str); 20] = [
    ("", ""),
    ("Call ", ""),
    ("Call ", "."),
    ("My number: ", ", please"),
    ("(", ")"),
    ("\"", "\""),
    ("tel:", ""),
    ("phone=", "&x=1"),
    ("Is ", " still right?"),
    ("Bitte ", " anrufen"),
    ("Appelez le ", " !"),
    ("Es el ", "; gracias"),
    ("電話は ", " です"),
    ("Hi,\n", "\nbye"),
    ("<b>", "</b>"),
    ("[", "]"),
    ("- ", " (mobile)"),
    ("home ", ", work none"),
    ("No, ", "!"),
    ("\t", "\t"),
];

#[test]
fn nineteen_of_twenty_example_numbers_of_every_region_are_found() {
    let (mut asked, mut found, mut regions) = (0, 0, 0);
    for region in Region::all() {
        let Some(plan) = DATABASE.by_id(region.as_str()) else { continue };
        let examples = [plan.descriptors().fixed_line(), plan.descriptors().mobile()]
            .into_iter()
            .flatten()
            .filter_map(|kind| kind.example());
        regions += 1;
        for example in examples {
            let number = format!("+{} {example}", plan.country_code());
            for (front, back) in FRAMES {
                let text = format!("{front}{number}{back}");
                let whole = front.len()..front.len() + number.len();
                let hit = |found: &frontdesk_domain::pii::PiiMatch| {
                    found.kind == PiiKind::Phone
                        && found.range.start <= whole.start
                        && whole.end <= found.range.end
                };
                asked += 1;
                found += u32::from(find(&text, None).any(|found| hit(&found)));
            }
        }
    }
    assert!(regions > 200 && asked > 8_000, "{regions} regions, {asked} texts");
    assert!(f64::from(found) >= 0.95 * f64::from(asked), "{found} of {asked} are found");
}

/// Numbers out of a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len() as u64) as usize])).collect()
    }

    fn digits(&mut self, length: usize) -> String {
        self.text(b"0123456789", length)
    }

    fn hex(&mut self, length: usize) -> String {
        self.text(b"0123456789abcdef", length)
    }

    /// A line that holds no personal data.
    fn line(&mut self) -> String {
        match self.below(14) {
            0 => format!("order {}-{}", self.text(b"ABCXYZ", 2), self.digits(6)),
            1 => {
                format!("{}-{}-4{}-a{}-{}", self.hex(8), self.hex(4), self.hex(3), self.hex(3), self.hex(12))
            }
            2 => {
                let (day, time, rest) = (1 + self.below(28), self.below(60), self.digits(3));
                format!("at 2026-03-{day:02}T07:{time:02}:{time:02}.{rest}Z")
            }
            3 => format!("sha256 {}", self.hex(64)),
            4 => format!("commit {}", self.hex(40)),
            5 => format!("parcel 1Z{}{}", self.text(b"0123456789ABCDEF", 6), self.digits(10)),
            6 => format!("invoice {}/{}", self.digits(8), self.digits(2)),
            7 => format!(
                "version {}.{}.{}.{}",
                self.below(30),
                self.below(30),
                self.below(30),
                self.below(999)
            ),
            8 => format!(
                "let x{} = f({}, {}) % 0x{};",
                self.digits(2),
                self.digits(3),
                self.digits(4),
                self.hex(8)
            ),
            9 => format!(
                "{}:{:02} until {}:{:02}",
                self.below(12),
                self.below(60),
                self.below(12),
                self.below(60)
            ),
            10 => format!(
                "{}.{} for {} or {}.00 for all",
                self.digits(2),
                self.digits(2),
                self.digits(1),
                self.digits(4)
            ),
            11 => format!("epoch 17{} and 17{}", self.digits(8), self.digits(11)),
            12 => format!("user@{} said @all: see #{}", self.digits(3), self.digits(5)),
            _ => format!("serial {}-{}-{}", self.digits(4), self.digits(4), self.digits(2)),
        }
    }
}

#[test]
fn of_a_hundred_thousand_lines_without_any_at_most_one_of_a_thousand_is_taken_for_one() {
    const LINES: u32 = 100_000;
    let mut random = Random(93);
    let mut wrong = Vec::new();
    for _ in 0..LINES {
        let line = random.line();
        if find(&line, None).next().is_some() {
            wrong.push(line);
        }
    }
    let most = LINES as usize / 1_000;
    assert!(wrong.len() <= most, "{} of {LINES}: {:?}", wrong.len(), &wrong[..wrong.len().min(9)]);
}
