//! Bytes made of seeds, the same each time: cut, copied, spliced, flipped, and words put in that parsers know.

/// What parsers look for, and what they stumble over.
const WORDS: [&[u8]; 30] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"9223372036854775807",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\x00",
    b"\n",
    b"\r",
    b"\t",
    b"../",
    b"sha256:",
    b"sha512:",
    b"=",
    b"<>; rel=next",
    b"http://",
    b"@",
    b"\xe2\x80\xae",
    b"&a *a",
    b"%2e",
];

/// A sequence of numbers that look random.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap_or_default() % limit.max(1)
    }

    fn part(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        from..from + self.below((length - from).min(64) + 1)
    }
}

/// Make something new of the seeds.
pub(super) fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(5) {
        once(&mut bytes, seeds, dice);
    }
    bytes
}

fn once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    match dice.below(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
        1 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
        2 => drop(bytes.drain(dice.part(bytes.len()))),
        3 => {
            let copied = bytes[dice.part(bytes.len())].to_vec();
            bytes.splice(at..at, copied.repeat(dice.below(4)));
        }
        4 | 5 => drop(bytes.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied())),
        6 => {
            let other = &seeds[dice.below(seeds.len())];
            let part = dice.part(other.len());
            bytes.splice(at..at, other[part].iter().copied());
        }
        _ => bytes.truncate(at),
    }
}
