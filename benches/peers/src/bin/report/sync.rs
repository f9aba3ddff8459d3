//! `--sync`: the costs of a job that reports changes, compared with a listing.

use azure_asset_sync_peers::{Error, Measurement, control};
use tempfile::TempDir;

use crate::{
    options::{Contender, Options},
    run::{self, Server},
    table::{Row, figure},
};

/// Prints the table.
pub fn report(options: &Options) -> Result<(), Error> {
    let server = Server::start(options, options.blobs)?;
    println!(
        "{} blobs, {}, {} round(s), {} thread(s).\n",
        options.blobs, options.shape, options.rounds, options.threads
    );
    println!(
        "| ms a page | client | wall s | × listing | CPU µs a blob | × listing | peak RSS MiB | requests | changes |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let latencies: &[u64] = if options.latencies.is_empty() { &[0] } else { &options.latencies };
    for &latency in latencies {
        control::set(&server.url, &format!("latency={latency}"))?;
        for listing in &options.contenders {
            compare(options, &server, listing, latency)?;
        }
    }
    Ok(())
}

/// Runs the listing, a first run and a second run in turn, several times, and prints a row for
/// each.
fn compare(
    options: &Options,
    server: &Server,
    listing: &Contender,
    latency: u64,
) -> Result<(), Error> {
    let (mut first, mut second) = (listing.clone(), listing.clone());
    first.label.push_str(", first run");
    second.label.push_str(", second run");
    let mut rows =
        [listing, &first, &second].map(|contender| Row { contender, rounds: Vec::new() });
    for _ in 0..options.rounds {
        let state = TempDir::new()?;
        let state = state.path().to_str().ok_or("the path of the temporary folder is not UTF-8")?;
        for (place, row) in rows.iter_mut().enumerate() {
            let mut contender = row.contender.clone();
            if place > 0 {
                contender.arguments.extend(["--state".into(), state.to_owned()]);
            }
            let measured = run::measure(options, &contender, server)?;
            let expected = [None, Some(server.blobs), Some(0)][place];
            if measured.changes != expected {
                return Err(
                    format!("{} reported {:?} changes", contender.label, measured.changes).into()
                );
            }
            row.rounds.push(measured);
        }
    }
    for row in &rows {
        let wall = |measured: &Measurement| measured.wall_ms as f64 / 1e3;
        let cpu = |measured: &Measurement| measured.cpu_us as f64 / server.blobs as f64;
        println!(
            "| {latency} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.contender.label,
            figure(row.median(wall)),
            row.ratio(rows.first(), wall),
            figure(row.median(cpu)),
            row.ratio(rows.first(), cpu),
            figure(row.peak_mib()),
            row.requests(),
            row.median(|measured| measured.changes.unwrap_or_default() as f64),
        );
    }
    Ok(())
}
