//! The space of names: which characters stand where, how far a name is, what lies half-way.

/// Characters beyond this place do not matter for where to cut
const PLACES: usize = 128;

/// How many different characters of a place are told apart
const CHARACTERS: usize = 64;

/// Finer than any page of names
const FINEST: f64 = 1e-12;

/// The characters that names have, place by place
///
/// A guess from samples: a wrong one costs balance, never a name.
#[derive(Debug, Default)]
pub(super) struct Space(Vec<Vec<char>>);

impl Space {
    /// Takes note of a name
    pub(super) fn see(&mut self, name: &str) {
        for (place, c) in name.chars().take(PLACES).enumerate() {
            if place == self.0.len() {
                self.0.push(Vec::new());
            }
            if let Some(seen) = self.0.get_mut(place)
                && let Err(at) = seen.binary_search(&c)
                && seen.len() < CHARACTERS
            {
                seen.insert(at, c);
            }
        }
    }

    /// The characters to be expected at the places from this one on
    fn alphabets(&self, from: usize) -> impl Iterator<Item = Vec<char>> {
        let mut counts = false;
        let alphabets = self.0.iter().map(move |seen| {
            let digits = seen.iter().filter(|c| c.is_ascii_digit()).count();
            // Where a number has begun to count, all its digits are to come; the zeros before it
            // are as fixed as letters are.
            counts = digits >= 2 || (counts && digits == 1);
            let mut all = seen.clone();
            if counts {
                all.extend('0'..='9');
                for hex in ['a'..='f', 'A'..='F'] {
                    let mut letters = seen.iter().filter(|c| !c.is_ascii_digit()).peekable();
                    if letters.peek().is_some() && letters.all(|c| hex.contains(c)) {
                        all.extend(hex);
                    }
                }
                all.sort_unstable();
                all.dedup();
            }
            all
        });
        alphabets.skip(from)
    }

    /// How far a name is, from 0 to 1, among the names that share their first characters
    fn value(&self, name: &str, shared: usize) -> f64 {
        let (mut value, mut weight) = (0.0, 1.0);
        for (c, alphabet) in name.chars().skip(shared).zip(self.alphabets(shared)) {
            let before = alphabet.partition_point(|known| *known < c);
            match alphabet.get(before) {
                Some(known) if *known == c && alphabet.len() == 1 => {}
                Some(known) => {
                    value += weight * before as f64 / alphabet.len() as f64;
                    weight /= alphabet.len() as f64;
                    if *known != c {
                        return value;
                    }
                }
                // Behind all that is known here.
                None => return value + weight,
            }
            if weight < FINEST {
                break;
            }
        }
        value
    }

    /// Which part of the way from a start to an end a name is, from 0 to 1
    pub(super) fn part(&self, start: &str, name: &str, end: Option<&str>) -> f64 {
        let shared = end.map_or(0, |end| shared(start, end));
        let value = |name| self.value(name, shared);
        let (start, end) = (value(start), end.map_or(1.0, value));
        if end <= start { 1.0 } else { ((value(name) - start) / (end - start)).clamp(0.0, 1.0) }
    }

    /// A name about half-way from a name to an end, or at least some way
    pub(super) fn between(&self, name: &str, end: Option<&str>, floor: usize) -> Option<String> {
        let shared = end.map_or(floor, |end| shared(name, end));
        let to = end.map_or(1.0, |end| self.value(end, shared));
        let half = f64::midpoint(self.value(name, shared), to);
        let mut cut: String = name.chars().take(shared).collect();
        let (mut rest, mut weight, mut best) = (half, 1.0, None);
        for alphabet in self.alphabets(shared) {
            let place = match alphabet.len() {
                0 => break,
                1 => 0,
                n => {
                    rest *= n as f64;
                    weight /= n as f64;
                    let place = (rest as usize).min(n - 1);
                    rest -= place as f64;
                    place
                }
            };
            cut.push(*alphabet.get(place)?);
            if alphabet.len() > 1 && cut.as_str() > name && end.is_none_or(|end| cut.as_str() < end)
            {
                best = Some(cut.clone());
                // A hundredth of what is left is as good as half.
                if weight < (to - half) / 50.0 {
                    break;
                }
            }
            if weight < FINEST {
                break;
            }
        }
        best.or_else(|| step(name, end, shared))
    }
}

/// How many characters two names share at their start
fn shared(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// The name with the first character that can be raised raised by one, before the end
fn step(name: &str, end: Option<&str>, shared: usize) -> Option<String> {
    let raised = |(at, c): (usize, char)| {
        let next = char::from_u32(u32::from(c) + 1)?;
        let cut = format!("{}{next}", name.get(..at)?);
        end.is_none_or(|end| cut.as_str() < end).then_some(cut)
    };
    name.char_indices().skip(shared).find_map(raised)
}

/// Names to ask for behind a name of which nothing is known: at each place the next character, and
/// a few spread over the characters that names usually begin with
pub(super) fn spread(name: &str, floor: usize, most: usize) -> Vec<String> {
    const USUAL: &[char] =
        &['0', '2', '5', '8', 'A', 'D', 'G', 'K', 'P', 'T', 'a', 'c', 'e', 'g', 'i', 'm', 'p', 's'];
    let steps = |digits: bool| {
        let places = name.char_indices().skip(floor).take(PLACES);
        let of_kind = places.filter(move |(_, c)| c.is_ascii_digit() == digits);
        of_kind.filter_map(|(at, c)| {
            let next = char::from_u32(u32::from(c) + 1)?;
            Some(format!("{}{next}", name.get(..at)?))
        })
    };
    let at = name.char_indices().nth(floor).map_or(name.len(), |(at, _)| at);
    let head = name.get(..at).unwrap_or_default();
    let first = name.chars().nth(floor);
    let usual = USUAL.iter().filter(|c| first.is_none_or(|first| **c > first));
    let usual: Vec<_> = usual.map(|c| format!("{head}{c}")).collect();
    // Half for the numbers in the name, which are the likeliest to go on.
    let mut all: Vec<String> = steps(true).take(most / 2).collect();
    let left = most.saturating_sub(all.len() + 1);
    let stride = usual.len().div_ceil(left.max(1)).max(1);
    all.extend(steps(false).take(1));
    all.extend(usual.into_iter().step_by(stride));
    all.truncate(most);
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(names: &[&str]) -> Space {
        let mut space = Space::default();
        names.iter().for_each(|name| space.see(name));
        space
    }

    #[test]
    fn half_way_is_half_way() {
        let counting = space(&["img-000000000", "img-000004999", "img-000100000"]);
        for (name, end, want) in [
            ("img-000004999", None, "img-0005"),
            ("img-000312000", Some("img-0004"), "img-00035"),
            ("img-000399990", Some("img-0004"), "img-00039999"),
        ] {
            let cut = counting.between(name, end, 0).unwrap();
            assert!(cut.starts_with(want), "{name} {end:?}: {cut}");
        }
        let part = counting.part("img-0003", "img-000325", Some("img-0004"));
        assert!((part - 0.25).abs() < 0.01, "{part}");
    }

    #[test]
    fn a_cut_lies_between() {
        let mut rng = fastrand::Rng::with_seed(7);
        let word = |rng: &mut fastrand::Rng| -> String {
            (0..rng.usize(0..6))
                .map(|_| *rng.choice(&['a', 'b', '/', '0', '7', '\u{4e2d}', '\u{1f600}']).unwrap())
                .collect()
        };
        for _ in 0..100_000 {
            let mut space = Space::default();
            (0..rng.usize(0..5)).for_each(|_| space.see(&word(&mut rng)));
            let (name, end) = (word(&mut rng), word(&mut rng));
            let end = rng.bool().then_some(end.as_str()).filter(|end| *end > name.as_str());
            if let Some(cut) = space.between(&name, end, 0) {
                assert!(
                    cut > name && end.is_none_or(|end| cut.as_str() < end),
                    "{name:?} {cut:?} {end:?}"
                );
            }
            assert!((0.0..=1.0).contains(&space.part(&name, &word(&mut rng), end)));
        }
    }
}
