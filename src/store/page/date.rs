//! Dates of HTTP, at fixed places.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT`; `None` for any other form, however legal
pub(super) fn imf_fixdate(text: &[u8]) -> Option<SystemTime> {
    let text: &[u8; 29] = text.try_into().ok()?;
    let [
        w0,
        w1,
        w2,
        b',',
        b' ',
        d1,
        d0,
        b' ',
        m0,
        m1,
        m2,
        b' ',
        y3,
        y2,
        y1,
        y0,
        b' ',
        h1,
        h0,
        b':',
        n1,
        n0,
        b':',
        s1,
        s0,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = *text
    else {
        return None;
    };
    // The first day of 1970 was a Thursday.
    let weekday: u64 = match &[w0, w1, w2] {
        b"Thu" => 0,
        b"Fri" => 1,
        b"Sat" => 2,
        b"Sun" => 3,
        b"Mon" => 4,
        b"Tue" => 5,
        b"Wed" => 6,
        _ => return None,
    };
    let month: u64 = match &[m0, m1, m2] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let two = |tens: u8, ones: u8| -> Option<u64> {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
    };
    let year = two(y3, y2)? * 100 + two(y1, y0)?;
    let (day, hour) = (two(d1, d0)?, two(h1, h0)?);
    let (minute, second) = (two(n1, n0)?, two(s1, s0)?);
    // Days that not every month has are left to whoever knows the months.
    if year < 1970 || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // The days since 1970, with years that begin in March so that the leap day is their last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    if days % 7 != weekday {
        return None;
    }
    UNIX_EPOCH.checked_add(Duration::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_a_library_reads() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..100_000 {
            let time = UNIX_EPOCH + Duration::from_secs(rng.u64(0..253_402_300_799));
            let text = httpdate::fmt_http_date(time);
            match imf_fixdate(text.as_bytes()) {
                Some(read) => assert_eq!(read, time, "{text}"),
                None => assert!(text.get(5..7).is_some_and(|day| day > "28"), "{text}"),
            }
        }
        for other in [
            "",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
        ] {
            assert_eq!(imf_fixdate(other.as_bytes()), None, "{other}");
        }
    }
}
