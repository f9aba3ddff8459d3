//! `--memory`: the memory of a listing, and whether a longer one takes more.

use azure_asset_sync_peers::Error;

use crate::{
    options::{Contender, Options},
    rounds, run,
    run::Server,
    table::{fewest, figure},
};

/// The factor between the sizes of the two containers.
const TIMES: u64 = 10;

/// The number of blobs that a slow consumer takes, one per second.
const SLOWLY: u64 = 30;

/// Prints the table.
pub fn report(options: &Options) -> Result<(), Error> {
    let (few, many) = (options.blobs, options.blobs * TIMES);
    // One container at a time, because the second one takes gigabytes.
    let server = Server::start(options, few)?;
    let small = rounds(options, &server, |_| true)?;
    let slow: Result<Vec<_>, Error> =
        options.contenders.iter().map(|contender| slow_mib(options, contender, &server)).collect();
    let slow = slow?;
    drop(server);
    let server = Server::start(options, many)?;
    let large = rounds(options, &server, |_| true)?;
    println!("{}, {} round(s).\n", options.shape, options.rounds);
    println!(
        "| client | peak RSS MiB: {few} blobs | {many} blobs | × | {SLOWLY} blobs, one a second \
         | requests: {few} blobs | × fewest pages | {many} blobs | × fewest pages |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for ((small, large), slow) in small.iter().zip(&large).zip(slow) {
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            small.contender.label,
            figure(small.peak_mib()),
            figure(large.peak_mib()),
            figure(large.peak_mib() / small.peak_mib()),
            slow.map_or("–".into(), figure),
            small.requests(),
            figure(small.requests() / fewest(few)),
            large.requests(),
            figure(large.requests() / fewest(many)),
        );
    }
    Ok(())
}

/// Returns the peak memory with a slow consumer, in MiB; `None` for clients that cannot stop early.
fn slow_mib(
    options: &Options,
    contender: &Contender,
    server: &Server,
) -> Result<Option<f64>, Error> {
    if contender.client != "ours" {
        return Ok(None);
    }
    let mut slow = contender.clone();
    slow.label.push_str(", slowly");
    slow.arguments.extend(["--consume".into(), SLOWLY.to_string()]);
    slow.arguments.extend(["--pause-ms".into(), "1000".into()]);
    let measured = run::measure(options, &slow, server)?;
    eprintln!("{}: {} KiB", slow.label, measured.peak_rss_kib);
    Ok(Some(measured.peak_rss_kib as f64 / 1024.0))
}
