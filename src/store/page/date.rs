//! Dates of HTTP in their preferred form, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
//!
//! All fields of that form have fixed positions, so a date is read as three words of eight bytes,
//! without a loop. Other legal forms are refused; the caller reads them with `httpdate`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::swar::above_nine;

/// Eight bytes of a date: which of them are digits, and which are fixed.
struct Pattern {
    /// The fixed bytes, `0` for digits, and zeros for bytes that are ignored.
    text: u64,
    /// All bits of each byte that is not ignored.
    mask: u64,
    /// All bits of each digit.
    digits: u64,
}

/// The days of the week, beginning with the first day of 1970, a Thursday.
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

/// The names of the months with their numbers from 1, as a hash table; the slots of no month have
/// no name.
#[expect(clippy::indexing_slicing, reason = "computed at compile time")]
const MONTHS: [(u32, u64); 16] = {
    let mut months = [(u32::MAX, 0); 16];
    let mut names = b"JanFebMarAprMayJunJulAugSepOctNovDec".as_slice();
    let mut month = 1;
    while let [a, b, c, rest @ ..] = names {
        let name = u32::from_le_bytes([*a, *b, *c, 0]);
        assert!(months[slot(name)].1 == 0, "two months have the same slot");
        months[slot(name)] = (name, month);
        (month, names) = (month + 1, rest);
    }
    months
};

/// Returns the slot of a month's name in a table of 16: a perfect hash.
///
/// The factor is the smallest number that gives each month a slot of its own, as [`MONTHS`]
/// asserts.
const fn slot(name: u32) -> usize {
    (name.wrapping_mul(0x67e5) >> 28) as usize
}

/// The days of each month, from 1 on, in a year that is not a leap year.
const DAYS: [u64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The first eight bytes, for example `Sun, 06 `.
const DAY: Pattern = Pattern::of(*b"???, 00 ");
/// The next eight bytes, for example `Nov 1994`.
const YEAR: Pattern = Pattern::of(*b"??? 0000");
/// After a blank, for example `08:49:37`.
const TIME: Pattern = Pattern::of(*b"00:00:00");

impl Pattern {
    /// Creates a pattern from a text with `0` for each digit and `?` for each byte that is ignored.
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

    /// Returns, for each position with two digits, the number that begins there; `None` if the text
    /// does not match.
    fn numbers(&self, text: [u8; 8]) -> Option<[u8; 8]> {
        // A digit becomes its value, and any other byte that matches becomes zero.
        let left = (u64::from_le_bytes(text) & self.mask) ^ self.text;
        if above_nine(left) != 0 || left & !self.digits != 0 {
            return None;
        }
        Some((left.wrapping_mul(10).wrapping_add(left >> 8)).to_le_bytes())
    }
}

/// Reads dates, and remembers the last date and the months that occurred.
///
/// Blobs that are listed together were often written within a few months, and the two dates of a
/// blob are often the same.
#[derive(Default)]
pub(super) struct Dates {
    last: Option<([u8; 29], SystemTime)>,
    /// A cache of months, each in the [`slot`] of its name.
    months: [Month; 16],
}

/// A month of a year.
#[derive(Clone, Copy, Default)]
struct Month {
    /// For example `Nov 1994`; the zeros of an empty slot are the text of no month.
    text: [u8; 8],
    /// The number of days.
    days: u64,
    /// The days from the first day of 1970 to the first day of the month.
    start: u64,
}

impl Dates {
    /// Returns the time of a date, or `None` if the text has another form, however legal.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8; 29]) -> Option<SystemTime> {
        match &self.last {
            // Comparing 29 bytes costs a fraction of parsing them.
            Some((last, time)) if last == text => Some(*time),
            _ => {
                let time = self.parse(text)?;
                self.last = Some((*text, time));
                Some(time)
            }
        }
    }

    /// Parses a date that is not the last one.
    fn parse(&mut self, text: &[u8; 29]) -> Option<SystemTime> {
        let (first, rest) = text.split_first_chunk::<8>()?;
        let (second, rest) = rest.split_first_chunk::<8>()?;
        let (third, rest) = rest.strip_prefix(b" ")?.split_first_chunk::<8>()?;
        let name = u32::from_le_bytes(*second.first_chunk()?) & 0xff_ffff;
        // A table rather than a search, whose end the processor would mispredict.
        let month = self.months.get_mut(slot(name))?;
        if month.text != *second {
            *month = Month::of(*second)?;
        }
        let [.., day, _, _] = DAY.numbers(*first)?.map(u64::from);
        let [hour, _, _, minute, _, _, second, _] = TIME.numbers(*third)?.map(u64::from);
        if rest != b" GMT" || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Days count from 1, so day 0 is none, and `before` is the number of days before this one.
        let days = month.start + day.checked_sub(1).filter(|before| *before < month.days)?;
        let weekday = WEEKDAYS.get(usize::try_from(days % 7).ok()?)?;
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
        // A date with the wrong weekday is refused, as `httpdate` does.
        (first.first_chunk() == Some(*weekday))
            .then(|| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))?
    }
}

impl Month {
    /// Computes a month from a text such as `Nov 1994`.
    // Not inlined: rare, because of the cache.
    #[inline(never)]
    fn of(text: [u8; 8]) -> Option<Self> {
        let name = u32::from_le_bytes(*text.first_chunk()?) & 0xff_ffff;
        let (_, month) = *MONTHS.get(slot(name)).filter(|(text, _)| *text == name)?;
        let [.., century, _, year, _] = YEAR.numbers(text)?.map(u64::from);
        let year = century * 100 + year;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = DAYS.get(usize::try_from(month).ok()?)? + u64::from(is_leap && month == 2);
        if year < 1970 {
            return None;
        }
        // Years begin in March here, so that the leap day is their last day.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let start = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5;
        // 719,468 days from 1 March of the year 0 to 1 January 1970.
        Some(Self { text, days, start: start.checked_sub(719_468)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random times of all years, each twice: parsed, and from the cache of the last date.
    #[test]
    fn every_date_is_read_as_httpdate_reads_it() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut dates = Dates::default();
        for _ in 0..100_000 {
            let time = UNIX_EPOCH + Duration::from_secs(rng.u64(0..253_402_300_799));
            let text = httpdate::fmt_http_date(time);
            let text = text.as_bytes().try_into().unwrap();
            assert_eq!((dates.read(text), dates.read(text)), (Some(time), Some(time)));
        }
    }

    /// Every byte value at every position, with an empty cache and with one that has the good date.
    #[test]
    fn an_altered_date_is_refused_unless_httpdate_reads_it() {
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

    /// All days from 0 to 39 of all months of leap years and other years, with every weekday.
    #[test]
    fn days_and_weekdays_are_checked_for_every_month() {
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
