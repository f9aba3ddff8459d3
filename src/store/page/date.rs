//! Dates of HTTP, at fixed places.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Eight bytes of a date
struct Pattern {
    /// These bytes, and zeros for digits and for what is not looked at
    text: u64,
    /// All bits of what is looked at
    mask: u64,
    /// All bits of what is a digit
    digits: u64,
}

/// From the first day of 1970 on, which was a Thursday
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

/// Months from 1 on, each at the place that its name leads to; the others have no name
#[expect(clippy::indexing_slicing, reason = "computed at compile time")]
const MONTHS: [(u32, u64); 16] = {
    let mut months = [(u32::MAX, 0); 16];
    let mut names = b"JanFebMarAprMayJunJulAugSepOctNovDec".as_slice();
    let mut month = 1;
    while let [a, b, c, behind @ ..] = names {
        let name = u32::from_le_bytes([*a, *b, *c, 0]);
        assert!(months[place(name)].1 == 0, "no two have one place");
        months[place(name)] = (name, month);
        (month, names) = (month + 1, behind);
    }
    months
};

/// The place of a month's name: a product with the least number that gives each one of its own
const fn place(name: u32) -> usize {
    (name.wrapping_mul(0x67e5) >> 28) as usize
}

/// The days of a month, from 1 on, in a year that is no leap year
const DAYS: [u64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const DAY: Pattern = Pattern::of(*b"???, 00 ");
const YEAR: Pattern = Pattern::of(*b"??? 0000");
const TIME: Pattern = Pattern::of(*b"00:00:00");

impl Pattern {
    /// A form with `0` for any digit, and `?` for any byte
    #[expect(clippy::indexing_slicing, reason = "computed at compile time")]
    const fn of(form: [u8; 8]) -> Self {
        let [mut mask, mut digits] = [[0; 8]; 2];
        let mut at = 0;
        while at < form.len() {
            mask[at] = if form[at] == b'?' { 0 } else { 0xff };
            digits[at] = if form[at] == b'0' { 0xff } else { 0 };
            at += 1;
        }
        let mask = u64::from_le_bytes(mask);
        let text = u64::from_le_bytes(form) & mask;
        Self { text, mask, digits: u64::from_le_bytes(digits) }
    }

    /// The number that begins at each place, where there are two digits
    fn numbers(&self, text: [u8; 8]) -> Option<[u8; 8]> {
        const HIGHEST: u64 = u64::from_ne_bytes([0x80; 8]);
        const TO_HIGHEST: u64 = u64::from_ne_bytes([0x80 - 10; 8]);
        // Nothing is left of a byte that is as it should be, and of a digit its value.
        let left = (u64::from_le_bytes(text) & self.mask) ^ self.text;
        // Where no byte has its highest bit, adding carries nothing into the next.
        let is_more_than_nine = (left | left.wrapping_add(TO_HIGHEST)) & HIGHEST != 0;
        if is_more_than_nine || left & !self.digits != 0 {
            return None;
        }
        Some((left.wrapping_mul(10).wrapping_add(left >> 8)).to_le_bytes())
    }
}

/// Reads dates such as `Sun, 06 Nov 1994 08:49:37 GMT`, and remembers what they had to do with
///
/// Blobs that are listed together were often written in a few months, and the two dates of one are
/// often the same.
#[derive(Default)]
pub(super) struct Dates {
    last: Option<([u8; 29], SystemTime)>,
    /// Each at the place that its name leads to
    months: [Month; 16],
}

#[derive(Clone, Copy, Default)]
struct Month {
    /// Such as `Nov 1994`
    text: [u8; 8],
    /// How many days it has
    days: u64,
    /// The days from the first of 1970 to its first
    start: u64,
}

impl Dates {
    /// The time that a text says; `None` for any other form, however legal
    #[inline]
    pub(super) fn read(&mut self, text: &[u8; 29]) -> Option<SystemTime> {
        match &self.last {
            Some((last, time)) if last == text => Some(*time),
            _ => {
                let time = self.parse(text)?;
                self.last = Some((*text, time));
                Some(time)
            }
        }
    }

    fn parse(&mut self, text: &[u8; 29]) -> Option<SystemTime> {
        let (first, behind) = text.split_first_chunk::<8>()?;
        let (second, behind) = behind.split_first_chunk::<8>()?;
        let (third, behind) = behind.strip_prefix(b" ")?.split_first_chunk::<8>()?;
        let name = u32::from_le_bytes(*second.first_chunk()?) & 0xff_ffff;
        // No search, of which the processor would have to guess where it ends.
        let month = self.months.get_mut(place(name))?;
        if month.text != *second {
            *month = Month::of(*second)?;
        }
        let [.., day, _, _] = DAY.numbers(*first)?.map(u64::from);
        let [hour, _, _, minute, _, _, second, _] = TIME.numbers(*third)?.map(u64::from);
        if behind != b" GMT" || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = month.start + day.checked_sub(1).filter(|before| *before < month.days)?;
        let weekday = WEEKDAYS.get(usize::try_from(days % 7).ok()?)?;
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
        (first.first_chunk() == Some(*weekday))
            .then(|| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))?
    }
}

impl Month {
    #[inline(never)]
    fn of(text: [u8; 8]) -> Option<Self> {
        let name = u32::from_le_bytes(*text.first_chunk()?) & 0xff_ffff;
        let (_, month) = *MONTHS.get(place(name)).filter(|(text, _)| *text == name)?;
        let [.., century, _, year, _] = YEAR.numbers(text)?.map(u64::from);
        let year = century * 100 + year;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = DAYS.get(usize::try_from(month).ok()?)? + u64::from(is_leap && month == 2);
        if year < 1970 {
            return None;
        }
        // With years that begin in March, so that the leap day is their last.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let start = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5;
        Some(Self { text, days, start: start.checked_sub(719_468)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_a_library_reads() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut dates = Dates::default();
        for _ in 0..100_000 {
            let time = UNIX_EPOCH + Duration::from_secs(rng.u64(0..253_402_300_799));
            let text = httpdate::fmt_http_date(time);
            let text = text.as_bytes().try_into().unwrap();
            assert_eq!((dates.read(text), dates.read(text)), (Some(time), Some(time)));
        }
    }

    #[test]
    fn it_reads_no_more_than_a_library_reads() {
        let good = *b"Sun, 06 Nov 1994 08:49:37 GMT";
        let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut dates = Dates::default();
        for at in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut text = good;
                text[at] = byte;
                let known =
                    str::from_utf8(&text).ok().and_then(|t| httpdate::parse_http_date(t).ok());
                for dates in [&mut Dates::default(), &mut dates] {
                    let read = [dates.read(&text), dates.read(&good)];
                    assert_eq!(read, [known, Some(time)], "{:?}", String::from_utf8_lossy(&text));
                }
            }
        }
    }

    #[test]
    fn a_month_has_its_days() {
        let mut dates = Dates::default();
        for year in [1970, 1999, 2000, 2001, 2004, 2100, 9999] {
            for (month, _) in MONTHS.iter().filter(|(_, month)| *month > 0) {
                for day in 0..40 {
                    for weekday in WEEKDAYS {
                        let [weekday, month] =
                            [*weekday, month.to_le_bytes()[..3].try_into().unwrap()]
                                .map(|name: [u8; 3]| String::from_utf8(name.into()).unwrap());
                        let text = format!("{weekday}, {day:02} {month} {year} 23:59:59 GMT");
                        let known = httpdate::parse_http_date(&text).ok();
                        assert_eq!(
                            dates.read(text.as_bytes().try_into().unwrap()),
                            known,
                            "{text}"
                        );
                    }
                }
            }
        }
    }
}
