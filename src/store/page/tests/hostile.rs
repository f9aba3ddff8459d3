//! Bodies that mean ill, piece by piece.

use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{agree, cases, mutate::body};

/// How long a body of at most 64 KiB may take on a machine with much else to do: a reader that
/// looks at all of it again for each byte would take longer
const LONG: Duration = Duration::from_secs(1);

#[test]
fn hostile_bodies_in_pieces_are_no_reason_to_panic_or_to_take_long() {
    let (mut bytes, mut slowest) = (0, Duration::ZERO);
    for seed in 0..cases(4_000) {
        let body = body(seed);
        let start = Instant::now();
        agree(&mut Rng::with_seed(seed), &body, true);
        let took = start.elapsed();
        assert!(took < LONG, "seed {seed}: {} bytes took {took:?}", body.len());
        bytes += body.len();
        slowest = slowest.max(took);
    }
    println!("{bytes} bytes, the slowest body took {slowest:?}");
}
