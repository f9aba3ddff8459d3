//! Malicious bodies in pieces: both readers agree, do not panic, and take little processor time.
//!
//! `tests/hostile_pages.rs` bounds the memory for the same bodies.

use std::time::Duration;

use fastrand::Rng;

use super::{Decoder, by_xml_reader, cases, cpu_time::cpu_time, in_pieces, mutate::body};
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

/// A page that is given up has up to 250,000 pairs of metadata, and a task cannot yield while they are
/// freed. It does not matter why the page is given up: a limit, a broken connection, or a deadline.
#[test]
fn a_page_that_is_given_up_is_freed_by_another_thread() {
    let pairs: String = (0..500).map(|n| format!("<k{n}>v</k{n}>")).collect();
    let blob = format!(
        "<Blob><Name>a</Name><Properties><Content-Length>1</Content-Length></Properties><Metadata>{pairs}</Metadata></Blob>"
    );
    let body = format!("<EnumerationResults><Blobs>{}", blob.repeat(400));
    // The processor time of this thread for dropping the page.
    let drop_page = || {
        let mut decoder = Decoder::new(true);
        decoder.push(body.as_bytes());
        let start = cpu_time();
        drop(decoder);
        cpu_time() - start
    };
    let here = drop_page();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // The first drop starts the thread.
    let elsewhere = runtime.block_on(async { [drop_page(), drop_page()] });
    assert!(elsewhere[1] <= here / 4, "{elsewhere:?}, and {here:?} without a runtime");
}
