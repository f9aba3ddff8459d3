//! Runs one client once, and prints its costs as one line of JSON.

mod floor;
mod marker;
mod ours;
mod peers;
mod rclone;
mod usage;

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    time::{Duration, Instant},
};

use azure_asset_sync_peers::{Error, Measurement, Tally, control};

use self::usage::{Counting, Usage};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The settings of the command line.
struct Options {
    client: String,
    /// The address of the server.
    url: String,
    /// For ours: the number of concurrent requests.
    in_flight: Option<NonZeroUsize>,
    /// For ours: whether names are listed in ascending order.
    ordered: bool,
    /// For ours: a file with cuts, one on each line.
    cuts: Option<PathBuf>,
    /// For ours: where to write such a file.
    write_cuts: Option<PathBuf>,
    /// For ours: the number of blobs after which to stop.
    consume: Option<u64>,
    /// For ours: the pause after each blob.
    pause: Duration,
    /// For ours: the state folder of a job, which runs instead of a listing.
    state: Option<PathBuf>,
    /// The number of threads.
    threads: usize,
}

/// The result of a client.
enum Output {
    /// A summary of the blobs.
    Blobs(Tally),
    /// The size of the pages, which were not decoded, in bytes.
    Bytes(u64),
    /// The number of changes.
    Changes(u64),
}

fn main() -> Result<(), Error> {
    let options = options()?;
    // Some peers require a TLS provider even for http addresses.
    let provider = rustls::crypto::ring::default_provider();
    provider.install_default().map_err(|_| "a TLS provider is already installed")?;
    let before = control::stats(&options.url)?;
    let start = (Instant::now(), Usage::now()?);
    let output = match options.client.as_str() {
        "rclone" => Output::Blobs(rclone::list(&options.url)?),
        _ => runtime(options.threads)?.block_on(run(&options))?,
    };
    let wall = start.0.elapsed();
    let child = options.client == "rclone";
    let spent = if child { Usage::of_children()? } else { Usage::now()?.since(&start.1) };
    let server = control::stats(&options.url)?.since(before);
    let (mut tally, mut body_bytes, mut changes) = (None, None, None);
    match output {
        Output::Blobs(blobs) => tally = Some(blobs),
        Output::Bytes(bytes) => body_bytes = Some(bytes),
        Output::Changes(count) => changes = Some(count),
    }
    let measured = Measurement {
        client: options.client,
        tally,
        body_bytes,
        changes,
        cpu_us: spent.cpu.as_micros() as u64,
        wall_ms: wall.as_millis() as u64,
        peak_rss_kib: spent.peak_rss_kib,
        allocations: (!child).then_some(spent.allocations),
        requests: server.requests,
    };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Parses the command line.
fn options() -> Result<Options, Error> {
    use lexopt::prelude::*;

    let (mut client, mut url) = (None, None);
    let (mut in_flight, mut ordered, mut threads) = (None, false, 1);
    let (mut cuts, mut write_cuts, mut state) = (None, None, None);
    let (mut consume, mut pause) = (None, Duration::ZERO);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Value(value) if client.is_none() => client = Some(value.string()?),
            Long("url") => url = Some(parser.value()?.string()?),
            Long("in-flight") => in_flight = Some(parser.value()?.parse()?),
            Long("ordered") => ordered = true,
            Long("cuts") => cuts = Some(parser.value()?.into()),
            Long("write-cuts") => write_cuts = Some(parser.value()?.into()),
            Long("state") => state = Some(parser.value()?.into()),
            Long("consume") => consume = Some(parser.value()?.parse()?),
            Long("pause-ms") => pause = Duration::from_millis(parser.value()?.parse()?),
            Long("threads") => threads = parser.value()?.parse()?,
            _ => return Err(arg.unexpected().into()),
        }
    }
    let client = client.ok_or("the name of the client is missing")?;
    let url = url.ok_or("--url, the address of the server, is missing")?;
    Ok(Options {
        client,
        url,
        in_flight,
        ordered,
        cuts,
        write_cuts,
        state,
        consume,
        pause,
        threads,
    })
}

/// Returns a runtime, by default with one thread, so that no client gains from a second processor.
fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = match threads {
        ..=1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    Ok(builder.worker_threads(threads.max(1)).enable_all().build()?)
}

/// Runs the client.
async fn run(options: &Options) -> Result<Output, Error> {
    let url = options.url.as_str();
    Ok(match options.client.as_str() {
        "hyper" => Output::Bytes(floor::hyper(url).await?),
        "reqwest" => Output::Bytes(floor::reqwest(url).await?),
        "ours" if options.state.is_some() => Output::Changes(ours::sync(options).await?),
        "ours" => Output::Blobs(ours::list(options).await?),
        "ours-pages" => Output::Blobs(ours::pages(options).await?),
        "object_store" => Output::Blobs(peers::object_store(url).await?),
        "opendal" => Output::Blobs(peers::opendal(url).await?),
        "azure_storage_blob" => Output::Blobs(peers::azure_storage_blob(url).await?),
        "azure_storage_blob-pages" => Output::Bytes(peers::azure_storage_blob_pages(url).await?),
        other => return Err(format!("unknown client `{other}`").into()),
    })
}
