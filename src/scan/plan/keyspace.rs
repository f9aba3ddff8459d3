//! The keyspace of names, as far as samples tell: how far a name is, what lies half-way.

use std::ops::Range;

/// How many names are kept; half of them go where there are more
const SAMPLES: usize = 4096;

/// Finer than any page of names
const FINEST: f64 = 1e-12;

/// Samples of the names, ascending
///
/// Where to cut is a guess from them: a wrong one costs balance, never a name.
#[derive(Debug, Default)]
pub(super) struct Keyspace(Vec<String>);

/// A place in names that share what is before it, at which they differ
struct Fork {
    /// Bytes before it
    at: usize,
    /// The characters to be expected there
    alphabet: Vec<char>,
    /// Whether a number is counted there
    counts: Digits,
}

/// What a number is written in
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    /// It is none
    None,
    Decimal,
    Lower,
    Upper,
}

impl Digits {
    /// What these characters are, where a number of such digits goes on there
    fn of(alphabet: &[char], goes_on: Option<Self>) -> Self {
        let digits = alphabet.iter().filter(|c| c.is_ascii_digit()).count();
        if digits < 2 && goes_on.is_none() {
            return Self::None;
        }
        let letters: Vec<_> = alphabet.iter().filter(|c| c.is_ascii_alphabetic()).collect();
        if letters.is_empty() {
            // That no letter has come yet tells little where one has come before.
            return goes_on.unwrap_or(Self::Decimal);
        }
        let is_of = |kind: &Self| letters.iter().all(|c| kind.has(**c));
        [Self::Lower, Self::Upper].into_iter().find(is_of).unwrap_or(Self::Decimal)
    }

    fn has(self, c: char) -> bool {
        match self {
            Self::None => false,
            Self::Decimal => c.is_ascii_digit(),
            Self::Lower => matches!(c, '0'..='9' | 'a'..='f'),
            Self::Upper => matches!(c, '0'..='9' | 'A'..='F'),
        }
    }
}

impl Keyspace {
    /// Takes note of names
    pub(super) fn see<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let before = self.0.len();
        self.0.extend(names.into_iter().map(str::to_owned));
        if self.0.len() > before {
            self.0.sort_unstable();
            self.0.dedup();
        }
        if self.0.len() > SAMPLES {
            let mut keep = false;
            self.0.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    fn samples(&self, range: &Range<usize>) -> &[String] {
        self.0.get(range.clone()).unwrap_or_default()
    }

    /// The samples that have a prefix, of some that share all of it but the end
    fn narrow(&self, range: &Range<usize>, prefix: &str) -> Range<usize> {
        let samples = self.samples(range);
        let from = samples.partition_point(|name| name.as_str() < prefix);
        let behind = samples.get(from..).unwrap_or_default();
        let count = behind.partition_point(|name| name.starts_with(prefix));
        range.start + from..range.start + from + count
    }

    /// The next place at which samples differ, or where a name leaves them
    fn fork(&self, range: &Range<usize>, name: &str, from: usize, counted: Digits) -> Option<Fork> {
        let samples = self.samples(range);
        let (first, last) = (samples.first()?, samples.last()?);
        let same = |other: &str| {
            let pairs =
                name.char_indices().zip(other.chars()).skip_while(|((at, _), _)| *at < from);
            let mut pairs = pairs.skip_while(|((_, a), b)| a == b);
            pairs.next().map_or(name.len().min(other.len()), |((at, _), _)| at)
        };
        let mut at = same(first).min(same(last)).max(from);
        // A number that has begun to count goes on to, though the samples have one digit there.
        if name.get(from..)?.starts_with(|c: char| counted.has(c)) {
            at = from;
        }
        let mut alphabet = Vec::new();
        let mut rest = samples;
        while let Some(sample) = rest.first() {
            let Some(c) = sample.get(at..).and_then(|text| text.chars().next()) else {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            };
            alphabet.push(c);
            let is_same = |name: &String| name.get(at..).is_some_and(|text| text.starts_with(c));
            rest = rest.get(rest.partition_point(is_same).max(1)..).unwrap_or_default();
        }
        let goes_on = at == from && alphabet.iter().any(|c| counted.has(*c));
        let counts = Digits::of(&alphabet, goes_on.then_some(counted));
        alphabet.extend(('0'..='9').chain('A'..='F').chain('a'..='f').filter(|c| counts.has(*c)));
        alphabet.sort_unstable();
        alphabet.dedup();
        Some(Fork { at, alphabet, counts })
    }

    /// How far a name is among those with a prefix, from 0 to 1
    pub(super) fn value(&self, prefix: &str, name: &str) -> f64 {
        let (mut value, mut weight) = (0.0, 1.0);
        let mut range = self.narrow(&(0..self.0.len()), prefix);
        let (mut from, mut counted) = (prefix.len(), Digits::None);
        while let Some(fork) = self.fork(&range, name, from, counted) {
            let Some(c) = name.get(fork.at..).and_then(|rest| rest.chars().next()) else { break };
            let before = fork.alphabet.partition_point(|known| *known < c);
            let count = fork.alphabet.len().max(1) as f64;
            value += weight * before as f64 / count;
            if fork.alphabet.get(before) != Some(&c) {
                break;
            }
            weight /= count;
            from = fork.at + c.len_utf8();
            counted = fork.counts;
            range = self.narrow(&range, name.get(..from).unwrap_or_default());
            if weight < FINEST {
                break;
            }
        }
        value.min(1.0)
    }

    /// A name with a prefix, about this part of the way from one to another, or to all that is known
    pub(super) fn between(
        &self,
        prefix: &str,
        name: &str,
        end: Option<&str>,
        part: f64,
    ) -> Option<String> {
        let to = end.map_or(1.0, |end| self.value(prefix, end));
        let at = self.value(prefix, name);
        let target = at + (to - at) * part;
        let (mut value, mut weight, mut best) = (0.0, 1.0, None);
        let mut range = self.narrow(&(0..self.0.len()), prefix);
        let (mut path, mut counted) = (prefix.to_owned(), Digits::None);
        // All samples of a range share its first characters, so any of them leads to the next fork.
        while let Some(lead) = self.samples(&range).first().cloned() {
            let Some(fork) = self.fork(&range, &lead, path.len(), counted) else { break };
            let count = fork.alphabet.len().max(1) as f64;
            let place = ((target - value) / weight * count).max(0.0) as usize;
            let Some(c) = fork.alphabet.get(place.min(fork.alphabet.len().saturating_sub(1)))
            else {
                break;
            };
            path = format!("{}{c}", lead.get(..fork.at)?);
            value += weight * place as f64 / count;
            weight /= count;
            if path.as_str() > name && end.is_none_or(|end| path.as_str() < end) {
                best = Some(path.clone());
                // Nearer is not better.
                if weight < (target - at) / 50.0 {
                    break;
                }
            }
            if weight < FINEST {
                break;
            }
            counted = fork.counts;
            range = self.narrow(&range, &path);
        }
        best
    }

    /// Where the number in a name gets another digit: behind `img-0042` it is `img-01`, where the
    /// last two digits are all that has changed so far
    pub(super) fn carry(&self, prefix: &str, name: &str) -> Option<String> {
        let mut range = self.narrow(&(0..self.0.len()), prefix);
        let (mut from, mut counted) = (prefix.len(), Digits::None);
        loop {
            let fork = self.fork(&range, name, from, counted)?;
            if fork.counts != Digits::None {
                let before = name.get(from..fork.at)?;
                let digit = before.chars().next_back()?.to_digit(10)?;
                let next = char::from_digit(digit + 1, 10)?;
                return Some(format!("{}{next}", name.get(..fork.at - 1)?));
            }
            let c = name.get(fork.at..)?.chars().next()?;
            from = fork.at + c.len_utf8();
            counted = fork.counts;
            range = self.narrow(&range, name.get(..from)?);
        }
    }
}

/// Segments to ask for behind those of a page, of which the first and the last are given: the next
/// character at each place that these share and at the one where they differ, and characters that
/// names usually begin with
///
/// Behind the place where they differ the page has had all there is.
pub(super) fn spread(first: &str, last: &str, most: usize) -> Vec<String> {
    // The likeliest first, since not all may be asked for.
    const USUAL: &[char] = &[
        'i', 's', 'a', 'c', 'e', 'g', 'm', 'p', '0', '2', '5', '8', 'A', 'D', 'G', 'K', 'P', 'T',
        '1', '3', '4', '6', '7', '9', 'b', 'd', 'f',
    ];
    let shared = first.chars().zip(last.chars()).take_while(|(a, b)| a == b).count();
    let steps = |digits: bool| {
        let places = last.char_indices().take(shared + 1);
        let of_kind = places.filter(move |(_, c)| c.is_ascii_digit() == digits);
        of_kind.filter_map(|(at, c)| {
            let next = char::from_u32(u32::from(c) + 1)?;
            Some(format!("{}{next}", last.get(..at)?))
        })
    };
    let begin = last.chars().next();
    let usual = USUAL.iter().filter(|c| begin.is_none_or(|begin| **c > begin));
    // Half for the numbers in the name, which are the likeliest to go on.
    let mut all: Vec<String> = steps(true).take(most / 2).collect();
    all.extend(steps(false).take(1));
    for probe in usual.map(char::to_string) {
        if all.len() < most && !all.contains(&probe) {
            all.push(probe);
        }
    }
    all.truncate(most);
    all.sort_unstable();
    all.dedup();
    all
}

/// Segments to ask for where the first number in one begins with zeros: with one in place of a zero
/// they tell how many digits are in use
///
/// As many digits as a page has names need no question, and more than four others hardly any.
pub(super) fn steps(segment: &str, page: f64) -> Vec<String> {
    const FEWEST: usize = 3;
    const MOST: usize = 4;
    let Some(start) = segment.find(|c: char| c.is_ascii_digit()) else { return Vec::new() };
    let number = segment.get(start..).unwrap_or_default();
    let digits = number.chars().take_while(char::is_ascii_digit).count();
    let zeros = number.chars().take_while(|c| *c == '0').count();
    if zeros < FEWEST {
        return Vec::new();
    }
    let known = page.log10() as usize;
    let last = zeros.min(digits.saturating_sub(known + 1));
    let places = last.saturating_sub(MOST)..last;
    places.filter_map(|at| Some(format!("{}1", segment.get(..start + at)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyspace(names: &[&str]) -> Keyspace {
        let mut keyspace = Keyspace::default();
        keyspace.see(names.iter().copied());
        keyspace
    }

    #[test]
    fn half_way_is_half_way() {
        let counting = keyspace(&[
            "img-000000000",
            "img-000004999",
            "img-000100000",
            "img-000312000",
            "scan-1",
        ]);
        for (name, end, want) in [
            ("img-000004999", Some("j"), "img-0005"),
            ("img-000312000", Some("img-0004"), "img-00035"),
        ] {
            let cut = counting.between("", name, end, 0.5).unwrap();
            assert!(cut.starts_with(want), "{name} {end:?}: {cut}");
        }
        let value = |name| counting.value("", name);
        let part =
            (value("img-00035") - value("img-0003")) / (value("img-0004") - value("img-0003"));
        assert!((0.0..=1.0).contains(&part), "{part}");
    }

    #[test]
    fn a_number_may_get_another_digit() {
        let names =
            keyspace(&["a/0001.jpg", "a/0042.jpg", "b/0001.jpg", "b/0999.jpg", "c/x", "c/y"]);
        assert_eq!(names.carry("a/", "a/0042.jpg").as_deref(), Some("a/01"));
        assert_eq!(names.carry("", "a/0042.jpg").as_deref(), Some("a/01"));
        assert_eq!(names.carry("", "b/0999.jpg").as_deref(), Some("b/1"));
        assert_eq!(names.carry("", "c/x"), None);
    }

    #[test]
    fn digits_stay_what_they_are() {
        // Behind `3f` no letter has come, and yet it is not the end where digits are.
        let hashes = keyspace(&["30a1", "3812", "3f00", "3f15", "3f27", "img-1", "z"]);
        let (nine, f) = (hashes.value("", "3f9"), hashes.value("", "3ff"));
        assert!(nine < f && f < hashes.value("", "4"), "{nine} {f}");
        let cut = hashes.between("", "3f9", Some("4"), 0.5).unwrap();
        assert!(cut.starts_with("3fc"), "{cut}");
    }

    #[test]
    fn steps_tell_how_far_a_number_goes() {
        assert_eq!(steps("img-0000000.jpg", 50.0), ["img-01", "img-001", "img-0001", "img-00001"]);
        assert_eq!(steps("0001", 5000.0), [""; 0]);
        assert_eq!(steps("img-1234567.jpg", 50.0), [""; 0]);
        let spread = spread("img-0000", "img-0049", 8);
        assert!(spread.iter().any(|probe| probe == "img-1"), "{spread:?}");
        assert!(!spread.iter().any(|probe| probe.starts_with("img-004")), "{spread:?}");
    }

    #[test]
    fn a_cut_lies_between() {
        let mut rng = fastrand::Rng::with_seed(7);
        let word = |rng: &mut fastrand::Rng| -> String {
            let letters = ['a', 'b', '/', '0', '7', '9', '\u{4e2d}', '\u{1f600}'];
            (0..rng.usize(0..6)).filter_map(|_| rng.choice(letters)).collect()
        };
        for _ in 0..100_000 {
            let mut keyspace = Keyspace::default();
            let names: Vec<_> = (0..rng.usize(0..5)).map(|_| word(&mut rng)).collect();
            keyspace.see(names.iter().map(String::as_str));
            let (name, end) = (word(&mut rng), word(&mut rng));
            let end = rng.bool().then_some(end.as_str()).filter(|end| *end > name.as_str());
            let carry = keyspace.carry("", &name);
            assert!(carry.is_none_or(|carry| carry > name), "{name:?}");
            if let Some(cut) = keyspace.between("", &name, end, 0.5) {
                let is_between = cut > name && end.is_none_or(|end| cut.as_str() < end);
                assert!(is_between, "{name:?} {cut:?} {end:?}");
            }
            assert!((0.0..=1.0).contains(&keyspace.value("", &name)));
        }
    }
}
