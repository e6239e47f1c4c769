//! Looking a digest up in things that are sorted by digest.

use super::Digest;

/// How often a guess is made better; after two times it is a few places off, in a registry of any size.
const BETTER: u8 = 2;

/// The place of `digest` in things sorted by digest.
///
/// Digests are spread evenly, so that the first bytes of one tell nearly where it lies, and those of what lies there
/// tell how far off that is. A window around is doubled until it holds the digest, and only that is searched: a few
/// looks into neighbouring memory, where halving the whole would take twenty all over it.
pub(super) fn search<T>(things: &[T], digest: &Digest, of: impl Fn(&T) -> &Digest) -> Option<usize> {
    let guess = guess(things, digest, &of);
    let is_below = |at: usize| things.get(at).is_some_and(|thing| of(thing) < digest);
    let mut reach = 4;
    let (from, to) = if is_below(guess) {
        while is_below(guess + reach) {
            reach *= 2;
        }
        (guess + reach / 2 * usize::from(reach > 4), (guess + reach + 1).min(things.len()))
    } else {
        while guess >= reach && !is_below(guess - reach) {
            reach *= 2;
        }
        (guess.saturating_sub(reach), (guess + 1).min(things.len()))
    };
    let window = things.get(from..to)?;
    window.binary_search_by(|thing| of(thing).cmp(digest)).ok().map(|at| from + at)
}

fn guess<T>(things: &[T], digest: &Digest, of: impl Fn(&T) -> &Digest) -> usize {
    // How many things lie below so much of the room that digests have.
    let share =
        |part: u64| usize::try_from((u128::from(part) * things.len() as u128) >> 64).unwrap_or_default();
    let head = digest.head();
    let mut guess = share(head);
    for _ in 0..BETTER {
        let Some(there) = things.get(guess).map(|thing| of(thing).head()) else { break };
        guess = if there < head {
            (guess + share(head - there)).min(things.len() - 1)
        } else {
            guess.saturating_sub(share(there - head))
        };
    }
    guess
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_is_found_and_no_other() {
        let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let clustered = |n: u64| (n / 3).to_be_bytes();
        for make in [&spread as &dyn Fn(u64) -> [u8; 8], &clustered] {
            for count in [0, 1, 2, 7, 100, 3000] {
                let digest = |n: u64| {
                    let mut bytes = [0; 32];
                    bytes[..8].copy_from_slice(&make(n));
                    bytes[8..16].copy_from_slice(&n.to_be_bytes());
                    Digest::sha256(bytes)
                };
                let mut digests: Vec<_> = (0..count).map(digest).collect();
                digests.push(Digest::sha512([9; 64]));
                digests.sort_unstable();
                for n in 0..count + 50 {
                    let wanted = digests.binary_search(&digest(n)).ok();
                    assert_eq!(search(&digests, &digest(n), |digest| digest), wanted, "{n} of {count}");
                }
                let wanted = digests.binary_search(&Digest::sha512([9; 64])).ok();
                assert_eq!(search(&digests, &Digest::sha512([9; 64]), |digest| digest), wanted);
            }
        }
    }
}
