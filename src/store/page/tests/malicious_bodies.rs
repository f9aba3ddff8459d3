//! Malicious bodies, piece by piece.

use std::time::Duration;

use fastrand::Rng;

use super::{cases, cpu_time::cpu_time, general, in_pieces, mutate::body};

/// The most processor time for a body of at most 64 KiB. A reader that starts again for each byte
/// takes longer.
const LONG: Duration = Duration::from_secs(1);

#[test]
fn an_empty_marker_takes_no_other_away() {
    for odd in ["", "<Blobs/>", "<!-- odd -->"] {
        let marker = "<NextMarker>2!92!x</NextMarker>";
        let body = format!("<EnumerationResults>{marker}{odd}<NextMarker /></EnumerationResults>");
        for page in [general(body.as_bytes()), super::decode(body.as_bytes())] {
            assert_eq!(page.unwrap().next.unwrap().as_str(), "2!92!x", "{body}");
        }
    }
}

#[test]
fn hostile_bodies_in_pieces_are_no_reason_to_panic_or_to_take_long() {
    let (mut bytes, mut slowest) = (0, Duration::ZERO);
    for seed in 0..cases(4_000) {
        let body = body(seed);
        let start = cpu_time();
        let read = (general(&body), in_pieces(&mut Rng::with_seed(seed), &body));
        let took = cpu_time() - start;
        assert!(took < LONG, "seed {seed}: {} bytes took {took:?}", body.len());
        match read {
            (Ok(slow), Ok(fast)) => assert!(slow == fast, "seed {seed}: another page"),
            (slow, fast) => {
                assert!(slow.is_err() && fast.is_err(), "seed {seed}: {slow:?} {fast:?}")
            }
        }
        bytes += body.len();
        slowest = slowest.max(took);
    }
    println!("{bytes} bytes, the slowest body took {slowest:?}");
}
