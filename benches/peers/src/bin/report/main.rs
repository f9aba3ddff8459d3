//! Runs every client in turn against one server, and prints tables of their costs.

#![forbid(unsafe_code)]

mod memory;
mod options;
mod run;
mod sync;
mod table;

use std::{fs, thread};

use azure_asset_sync_peers::{Error, control};

use self::{
    options::{Contender, Options},
    run::Server,
    table::{Row, figure},
};

/// The sizes of two runs under callgrind. Their difference is free of the costs of start and end.
const FEW: u64 = 20_000;
const MANY: u64 = 40_000;

fn main() -> Result<(), Error> {
    let Some(options) = options::read()? else { return Ok(()) };
    run::build()?;
    println!("{}\n", machine());
    match (options.instructions, options.memory) {
        (true, _) => instructions(&options),
        (_, true) => memory::report(&options),
        _ if options.sync => sync::report(&options),
        _ => times(&options),
    }
}

/// Prints the tables of processor time, memory and wall time.
fn times(options: &Options) -> Result<(), Error> {
    let server = Server::start(options, options.blobs)?;
    let rows = rounds(options, &server, |_| true)?;
    println!(
        "{} blobs, {}, {} round(s), {} thread(s) a client. All clients that list agree on names and sizes.\n",
        options.blobs, options.shape, options.rounds, options.threads
    );
    table::costs(&rows, options.blobs);
    if options.latencies.is_empty() {
        return Ok(());
    }
    let mut columns = vec![(0, rows)];
    columns[0].1.retain(|row| row.contender.is_timed());
    for &latency in &options.latencies {
        control::set(&server.url, &format!("latency={latency}"))?;
        columns.push((latency, rounds(options, &server, Contender::is_timed)?));
    }
    println!();
    table::walls(&columns, options.blobs);
    println!("\n{}", machine());
    Ok(())
}

/// Runs every client in turn, several times, so that a disturbance of the machine affects all of
/// them.
fn rounds<'a>(
    options: &'a Options,
    server: &Server,
    wanted: impl Fn(&Contender) -> bool,
) -> Result<Vec<Row<'a>>, Error> {
    let contenders = options.contenders.iter().filter(|contender| wanted(contender));
    let mut rows: Vec<_> =
        contenders.map(|contender| Row { contender, rounds: Vec::new() }).collect();
    for round in 1..=options.rounds {
        for row in &mut rows {
            let before = control::stats(&server.url)?;
            let measured = run::measure(options, row.contender, server)?;
            let bytes = control::stats(&server.url)?.since(before).bytes;
            eprintln!(
                "round {round}, {}: {:.3} s",
                row.contender.label,
                measured.wall_ms as f64 / 1e3
            );
            if measured.body_bytes.is_some_and(|read| read != bytes) {
                return Err(format!("{} did not read all pages", row.contender.label).into());
            }
            row.rounds.push(measured);
        }
        agree(&rows, server.blobs)?;
    }
    Ok(rows)
}

/// Fails if two clients have listed different blobs.
fn agree(rows: &[Row<'_>], blobs: u64) -> Result<(), Error> {
    let listings = || {
        let last = rows.iter().filter_map(|row| row.rounds.last());
        last.filter_map(|measured| Some((&measured.client, measured.tally?)))
    };
    let Some((_, first)) = listings().next() else { return Ok(()) };
    for (client, tally) in listings() {
        if tally != first || tally.blobs != blobs {
            return Err(format!(
                "{client} listed {tally:?}, another client {first:?}, of {blobs} blobs"
            )
            .into());
        }
    }
    Ok(())
}

/// Prints the table of instructions.
fn instructions(options: &Options) -> Result<(), Error> {
    let few = Server::start(options, FEW)?;
    let many = Server::start(options, MANY)?;
    println!("| client | instructions a blob |\n|---|---|");
    // rclone is a separate program, which callgrind does not count.
    for contender in options.contenders.iter().filter(|contender| contender.client != "rclone") {
        let less = run::instructions(options, contender, &few)?;
        let more = run::instructions(options, contender, &many)?;
        let each = more.saturating_sub(less) as f64 / (MANY - FEW) as f64;
        println!("| {} | {} |", contender.label, figure(each));
    }
    Ok(())
}

/// Describes the machine and its load.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} cores, {model}; load {load}")
}
