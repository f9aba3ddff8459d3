//! Malicious bodies in pieces: both readers agree, do not panic, and take little processor time.
//!
//! `tests/hostile_pages.rs` bounds the memory for the same bodies.

use std::time::Duration;

use fastrand::Rng;

use super::{by_xml_reader, cases, cpu_time::cpu_time, in_pieces, mutate::body};
use crate::store::Page;

/// The most processor time for a body of at most 64 KiB, which a reader with quadratic time
/// exceeds.
const LONG: Duration = Duration::from_secs(1);

/// A listing that ended too early would make a job report removals.
#[test]
fn an_empty_marker_does_not_replace_another_one() {
    for odd in ["", "<Blobs/>", "<!-- odd -->"] {
        let marker = "<NextMarker>2!92!x</NextMarker>";
        let body = format!("<EnumerationResults>{marker}{odd}<NextMarker /></EnumerationResults>");
        for page in [by_xml_reader(body.as_bytes()), Page::from_xml(body.as_bytes())] {
            assert_eq!(page.unwrap().next.unwrap().as_str(), "2!92!x", "{body}");
        }
    }
}

/// The bodies of `mutate`, in pieces of random lengths.
#[test]
fn malicious_bodies_are_read_alike_in_little_time() {
    let (mut bytes, mut slowest) = (0, Duration::ZERO);
    for seed in 0..cases(4_000) {
        let body = body(seed);
        let start = cpu_time();
        let read = (by_xml_reader(&body), in_pieces(&mut Rng::with_seed(seed), &body));
        let took = cpu_time() - start;
        assert!(took < LONG, "seed {seed}: {} bytes took {took:?}", body.len());
        match read {
            (Ok(slow), Ok(fast)) => assert!(slow == fast, "seed {seed}: the pages differ"),
            (slow, fast) => {
                assert!(slow.is_err() && fast.is_err(), "seed {seed}: {slow:?} {fast:?}")
            }
        }
        bytes += body.len();
        slowest = slowest.max(took);
    }
    println!("{bytes} bytes, the slowest body took {slowest:?}");
}
