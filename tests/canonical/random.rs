//! Random numbers that a seed repeats.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// `SplitMix64`, by Steele, Lea and Flood: enough for tests, and the same on every machine.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let index = self.bits() % u64::try_from(choices.len()).unwrap();
        choices[usize::try_from(index).unwrap()]
    }

    /// Fewer than `limit` items.
    pub(crate) fn several<T>(
        &mut self,
        limit: u64,
        mut item: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        (0..self.below(limit)).map(|_| item(self)).collect()
    }

    /// Any finite double; half of them are of a size that people use.
    pub(crate) fn float(&mut self) -> f64 {
        if self.once_in(2) {
            let places = i32::try_from(self.below(40)).unwrap() - 20;
            let digits = u32::try_from(self.bits() >> 33 >> self.below(31)).unwrap();
            return format!("{digits}e{places}").parse().unwrap();
        }
        let value = f64::from_bits(self.bits());
        if value.is_finite() { value } else { 0.5 }
    }

    /// A character; those that canonical form treats specially are frequent.
    pub(crate) fn char(&mut self) -> char {
        const BORDERS: &[char] = &[
            '"',
            '\\',
            '/',
            '\0',
            '\u{1f}',
            '\u{7f}',
            '\u{80}',
            '\u{2028}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{feff}',
            '\u{ffff}',
            '\u{10000}',
            '\u{10ffff}',
            '😀',
            'é',
        ];
        loop {
            let code = match self.below(8) {
                0 => return self.pick(BORDERS),
                1 => self.below(0x20),
                2 => self.below(0x800),
                3 => self.below(0x11_0000),
                _ => 0x20 + self.below(0x60),
            };
            if let Some(char) = char::from_u32(u32::try_from(code).unwrap()) {
                return char;
            }
        }
    }

    pub(crate) fn string(&mut self) -> String {
        let length = self.pick(&[2, 8, 8, 20, 60]);
        self.several(length, Self::char).into_iter().collect()
    }
}

/// How many cases a property is tried on: `CAPSULES_PROPERTY_CASES`, else 5,000.
pub(crate) fn cases() -> usize {
    number("CAPSULES_PROPERTY_CASES").map_or(5_000, |cases| usize::try_from(cases).unwrap())
}

/// The seed of this run: `CAPSULES_PROPERTY_SEED`, else the time. Failures name it.
pub(crate) fn seed() -> u64 {
    number("CAPSULES_PROPERTY_SEED").unwrap_or_else(|| {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::from(time.subsec_nanos()) ^ time.as_secs()
    })
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not `{text}`")),
    )
}
