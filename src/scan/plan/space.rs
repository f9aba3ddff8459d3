//! The space of names: which characters stand where, how far a name is, what lies half-way.

/// Deeper folders are not told apart
const DEPTHS: usize = 8;

/// Characters behind this place of a segment do not matter for where to cut
const PLACES: usize = 64;

/// How many different characters of a place are told apart
const CHARACTERS: usize = 64;

/// Finer than any page of names
const FINEST: f64 = 1e-12;

/// The characters that the segments of names have: by depth below the root, then by place
///
/// A guess from samples: a wrong one costs balance, never a name.
#[derive(Debug, Default)]
pub(super) struct Space(Vec<Vec<Vec<char>>>);

impl Space {
    /// Takes note of a name, without its root
    pub(super) fn see(&mut self, name: &str) {
        for (depth, segment) in name.split('/').take(DEPTHS).enumerate() {
            if depth == self.0.len() {
                self.0.push(Vec::new());
            }
            let Some(places) = self.0.get_mut(depth) else { return };
            for (place, c) in segment.chars().take(PLACES).enumerate() {
                if place == places.len() {
                    places.push(Vec::new());
                }
                if let Some(seen) = places.get_mut(place)
                    && let Err(at) = seen.binary_search(&c)
                    && seen.len() < CHARACTERS
                {
                    seen.insert(at, c);
                }
            }
        }
    }

    /// The characters to be expected at the places of a segment
    fn alphabets(&self, depth: usize) -> impl Iterator<Item = Vec<char>> {
        let mut counts = false;
        self.0.get(depth).into_iter().flatten().map(move |seen| {
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
        })
    }

    /// How far a segment is, from 0 to 1
    pub(super) fn value(&self, depth: usize, segment: &str) -> f64 {
        let (mut value, mut weight) = (0.0, 1.0);
        for (c, alphabet) in segment.chars().zip(self.alphabets(depth)) {
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

    /// A segment about half-way from one to another, or to all that is known
    pub(super) fn between(&self, depth: usize, segment: &str, end: Option<&str>) -> Option<String> {
        let to = end.map_or(1.0, |end| self.value(depth, end));
        let half = f64::midpoint(self.value(depth, segment), to);
        let (mut cut, mut rest, mut weight, mut best) = (String::new(), half, 1.0, None);
        for alphabet in self.alphabets(depth) {
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
            let is_between = cut.as_str() > segment && end.is_none_or(|end| cut.as_str() < end);
            if alphabet.len() > 1 && is_between {
                best = Some(cut.clone());
                // A fiftieth of what is left is as good as half.
                if weight < (to - half) / 50.0 {
                    break;
                }
            }
            if weight < FINEST {
                break;
            }
        }
        best
    }

    /// The segment where the number in one gets another digit: from `img-0042` on it is `img-01`
    /// where the last two digits are all that has changed so far
    pub(super) fn carry(&self, depth: usize, segment: &str) -> Option<String> {
        let fixed = self.0.get(depth)?.iter().take_while(|seen| seen.len() == 1).count();
        let (at, digit) = segment.char_indices().nth(fixed.checked_sub(1)?)?;
        let next = digit.to_digit(10).and_then(|digit| char::from_digit(digit + 1, 10))?;
        Some(format!("{}{next}", segment.get(..at)?))
    }
}

/// Segments to ask for behind one of which nothing is known: at each place the next character, and
/// a few spread over the characters that names usually begin with
pub(super) fn spread(segment: &str, most: usize) -> Vec<String> {
    const USUAL: &[char] =
        &['0', '2', '5', '8', 'A', 'D', 'G', 'K', 'P', 'T', 'a', 'c', 'e', 'g', 'i', 'm', 'p', 's'];
    let steps = |digits: bool| {
        let places = segment.char_indices().take(PLACES);
        let of_kind = places.filter(move |(_, c)| c.is_ascii_digit() == digits);
        of_kind.filter_map(|(at, c)| {
            let next = char::from_u32(u32::from(c) + 1)?;
            Some(format!("{}{next}", segment.get(..at)?))
        })
    };
    let first = segment.chars().next();
    let usual = USUAL.iter().filter(|c| first.is_none_or(|first| **c > first));
    let usual: Vec<_> = usual.map(char::to_string).collect();
    // Half for the numbers in the name, which are the likeliest to go on.
    let mut all: Vec<String> = steps(true).take(most / 2).collect();
    all.extend(steps(false).take(1));
    let left = most.saturating_sub(all.len());
    let stride = usual.len().div_ceil(left.max(1)).max(1);
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
            let cut = counting.between(0, name, end).unwrap();
            assert!(cut.starts_with(want), "{name} {end:?}: {cut}");
        }
        let value = |name| counting.value(0, name);
        let part =
            (value("img-000325") - value("img-0003")) / (value("img-0004") - value("img-0003"));
        assert!((part - 0.25).abs() < 0.01, "{part}");
    }

    #[test]
    fn folders_are_known_by_their_depth() {
        let folders = space(&["a/0001.jpg", "long name/0999.jpg", "b/0500.jpg"]);
        assert_eq!(folders.between(1, "0001.jpg", Some("0999.jpg")).unwrap().get(..2), Some("05"));
        assert_eq!(folders.carry(1, "0999.jpg").as_deref(), Some("1"));
        assert_eq!(folders.carry(0, "a"), None);
    }

    #[test]
    fn a_cut_lies_between() {
        let mut rng = fastrand::Rng::with_seed(7);
        let word = |rng: &mut fastrand::Rng| -> String {
            let letters = ['a', 'b', '0', '7', '9', '\u{4e2d}', '\u{1f600}'];
            (0..rng.usize(0..6)).filter_map(|_| rng.choice(letters)).collect()
        };
        for _ in 0..100_000 {
            let mut space = Space::default();
            (0..rng.usize(0..5)).for_each(|_| space.see(&word(&mut rng)));
            let (name, end) = (word(&mut rng), word(&mut rng));
            let end = rng.bool().then_some(end.as_str()).filter(|end| *end > name.as_str());
            let carry = space.carry(0, &name);
            assert!(carry.is_none_or(|carry| carry > name), "{name:?}");
            if let Some(cut) = space.between(0, &name, end) {
                let is_between = cut > name && end.is_none_or(|end| cut.as_str() < end);
                assert!(is_between, "{name:?} {cut:?} {end:?}");
            }
            assert!((0.0..=1.0).contains(&space.value(0, &name)));
        }
    }
}
