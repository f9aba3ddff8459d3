//! The names of a container, generated in the order in which they are listed.

/// The layout of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Folders of halls, cameras and days with very uneven sizes.
    Hierarchy,
    /// No folders: hashes in clusters, and two ranges of numbers.
    Flat,
}

/// The names of a container.
#[derive(Debug)]
pub struct Names(Vec<Group>);

/// Names with the same prefix, in ascending order.
#[derive(Debug)]
struct Group {
    start: String,
    middle: Middle,
}

/// What follows the prefix.
#[derive(Debug)]
enum Middle {
    /// Consecutive numbers with a fixed number of digits.
    Numbers { count: usize, width: usize },
    /// Hashes in ascending order.
    Hashes(Vec<u64>),
}

/// The extension of a name, and the content type with which the blob is stored.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub extension: &'static str,
    pub content_type: &'static str,
}

impl Names {
    /// Generates the groups of names.
    pub fn new(shape: Shape, count: usize) -> Self {
        let groups = match shape {
            Shape::Hierarchy => hierarchy(count),
            Shape::Flat => flat(count),
        };
        debug_assert!(groups.is_sorted_by(|a, b| a.start < b.start));
        Self(groups)
    }

    /// Calls `see` with each name from `first` to before `end`, and its extension.
    pub fn each(&self, first: usize, end: usize, mut see: impl FnMut(&str, Ending)) {
        let mut name = String::new();
        let mut before = 0;
        for group in &self.0 {
            let count = group.count();
            let here = first.clamp(before, before + count)..end.clamp(before, before + count);
            for n in here {
                let ending = ending(n as u64);
                name.clear();
                group.write(n - before, &mut name);
                name.push_str(ending.extension);
                see(&name, ending);
            }
            before += count;
        }
    }
}

impl Group {
    /// Returns the number of names.
    fn count(&self) -> usize {
        match &self.middle {
            Middle::Numbers { count, .. } => *count,
            Middle::Hashes(hashes) => hashes.len(),
        }
    }

    /// Appends a name without its extension.
    fn write(&self, n: usize, name: &mut String) {
        name.push_str(&self.start);
        match &self.middle {
            Middle::Numbers { width, .. } => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(n);
                (digits.len()..*width).for_each(|_| name.push('0'));
                name.push_str(digits);
            }
            Middle::Hashes(hashes) => {
                for shift in (0..16).rev() {
                    let nibble = (hashes[n] >> (4 * shift) & 0xf) as usize;
                    name.push(char::from(b"0123456789abcdef"[nibble]));
                }
            }
        }
    }
}

/// Chooses an extension: 80 % are JPEG, and 1 % is unknown to the rules.
fn ending(n: u64) -> Ending {
    let (extension, content_type) = match crate::mix(n) % 100 {
        0..80 => (".jpg", "image/jpeg"),
        80..83 => (".jpg", "application/octet-stream"),
        83..93 => (".png", "image/png"),
        93..99 => (".mp4", "video/mp4"),
        _ => (".bin", "application/octet-stream"),
    };
    Ending { extension, content_type }
}

/// Generates folders whose sizes differ by a factor of up to 1,000, as in a plant with busy
/// cameras.
fn hierarchy(count: usize) -> Vec<Group> {
    let mut random = fastrand::Rng::with_seed(5);
    let mut starts = vec!["calibration/".to_owned()];
    for hall in 1..=12 {
        starts.push(format!("hall-{hall:02}/"));
        for camera in 1..=random.u32(1..=12) {
            for day in 1..=random.u32(1..=20) {
                starts.push(format!("hall-{hall:02}/cam-{camera:02}/2026-03-{day:02}/"));
            }
        }
    }
    let weights: Vec<f64> = starts.iter().map(|_| (random.f64() * 10.0).exp2()).collect();
    let scale = count as f64 / weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let mut before = 0;
    let last = starts.len() - 1;
    let groups = starts.into_iter().zip(weights).enumerate().map(|(n, (start, weight))| {
        sum += weight * scale;
        let end = if n == last { count } else { (sum as usize).min(count) };
        let group = Group { start, middle: Middle::Numbers { count: end - before, width: 6 } };
        before = end;
        group
    });
    groups.collect()
}

/// Generates names. Most are hashes, and half of these start with the same two digits.
fn flat(count: usize) -> Vec<Group> {
    let mut random = fastrand::Rng::with_seed(5);
    let (images, scans) = (count * 3 / 10, count / 10);
    let mut hashes: Vec<u64> = (0..(count - images - scans) as u32)
        .map(|n| {
            // The low half makes each hash unique, because multiplication by an odd number is a
            // permutation.
            let low = u64::from(n.wrapping_mul(0x9e37_79b1));
            let high = u64::from(random.u32(..));
            let high = match random.u8(..4) {
                0 => high,
                1 => 0xa0c4_0000 | high >> 16,
                _ => 0x3f00_0000 | high >> 8,
            };
            high << 32 | low
        })
        .collect();
    hashes.sort_unstable();
    let numbers = |start: &str, count| Group {
        start: start.to_owned(),
        middle: Middle::Numbers { count, width: 9 },
    };
    vec![
        Group { start: String::new(), middle: Middle::Hashes(hashes) },
        numbers("img-", images),
        numbers("scan-", scans),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ascend_and_have_the_requested_number() {
        for shape in [Shape::Hierarchy, Shape::Flat] {
            for count in [0, 1, 7, 100_000] {
                let mut names = Vec::new();
                Names::new(shape, count).each(0, count, |name, _| names.push(name.to_owned()));
                assert_eq!(names.len(), count);
                assert!(names.is_sorted_by(|a, b| a < b), "{shape:?}");
                assert_eq!(
                    names.iter().any(|n| n.contains('/')),
                    shape == Shape::Hierarchy && count > 0
                );
            }
        }
    }

    #[test]
    fn parts_concatenate_to_all_names() {
        let names = Names::new(Shape::Hierarchy, 1000);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        names.each(0, 1000, |name, _| whole.push(name.to_owned()));
        for first in (0..1000).step_by(77) {
            names.each(first, (first + 77).min(1000), |name, _| parts.push(name.to_owned()));
        }
        assert_eq!(whole, parts);
    }
}
