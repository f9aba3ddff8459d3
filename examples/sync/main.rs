//! Lists a container and writes descriptors of its images and videos to a file.
//!
//! `cargo run --example sync` shows it without Azure: it creates sample media, serves them from a
//! small cloud on a loopback port, and prints the report and the first descriptors. The files are
//! in the folder `out`.
//!
//! `cargo run --example sync -- --account NAME --container NAME` lists a container in Azure. With
//! `--state` it reports only what has changed since the last run; `--help` lists all options.

#![allow(clippy::indexing_slicing, reason = "the index is below the length")]

#[path = "../common/command_line.rs"]
mod command_line;
mod incremental;
#[path = "../common/interrupt.rs"]
mod interrupt;
mod media;
mod preview;
#[path = "../common/target.rs"]
mod target;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{
    error::Error,
    ffi::OsStr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use azure_asset_sync::{
    AzureStore, Connection, JsonLines, Report, Rules, Scan, testing::SmallCloud,
    validate::FilterBuilder,
};
use indicatif::{ProgressBar, ProgressStyle};
use interrupt::until_interrupted;
use target::Target;
use tempfile::TempDir;
use terminal::{note, say};

const USAGE: &str = "\
usage: sync [FOLDER]                                serve a folder from a small cloud, and list it
       sync --account NAME --container NAME [...]   list a container in Azure
";
const OPTIONS: &str = "\
  --out FOLDER           write assets.jsonl and rejected.jsonl here (default: out)
  --in-flight N          number of concurrent listing requests (default: 16)
  --glob GLOB            list only names that match, such as '**/*.jpg'; may be repeated
  --exclude GLOB         list no names that match; may be repeated
  --dry-run              print what a sync would find, and write nothing
  --state FOLDER         store the state here, and write what has changed since the last run to
                         changes.jsonl; resumes a run that was interrupted
  --resume               fail if there is no interrupted run to resume
  --allow-removals       report removals even if more than 30 % of the assets are gone

Exit status: 0 complete; 1 failed; 2 wrong arguments; 130 interrupted.";

#[derive(Default)]
struct Arguments {
    folder: Option<PathBuf>,
    target: Target,
    out: Option<PathBuf>,
    in_flight: Option<NonZeroUsize>,
    filter: FilterBuilder,
    dry_run: bool,
    state: Option<PathBuf>,
    resume: bool,
    allow_removals: bool,
}

impl command_line::Arguments for Arguments {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "out" => self.out = Some(parser.value()?.into()),
            "in-flight" => self.in_flight = Some(parser.value()?.parse()?),
            "glob" => self.filter = self.filter.clone().include(parser.value()?.string()?),
            "exclude" => self.filter = self.filter.clone().exclude(parser.value()?.string()?),
            "dry-run" => self.dry_run = true,
            "state" => self.state = Some(parser.value()?.into()),
            "resume" => self.resume = true,
            "allow-removals" => self.allow_removals = true,
            name => return self.target.option(name, parser),
        }
        Ok(true)
    }

    fn value(&mut self, value: &OsStr) -> Result<bool, lexopt::Error> {
        let is_first = self.folder.is_none();
        self.folder.get_or_insert_with(|| value.into());
        Ok(is_first)
    }

    fn check(&self) -> Result<(), String> {
        match (&self.target.account, &self.folder) {
            (Some(_), Some(_)) => Err("use either a folder or --account".to_owned()),
            (None, _) if !self.target.container.is_empty() => {
                Err("--container requires --account".to_owned())
            }
            _ if self.state.is_none() && (self.resume || self.allow_removals) => {
                Err("--resume and --allow-removals require --state".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let help = format!("{USAGE}\n{}\n{OPTIONS}\n\n{}", target::OPTIONS, target::CREDENTIALS);
    let arguments: Arguments = match command_line::read("sync", &help) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let (source, scan) = match prepare(&arguments).await {
        Ok(prepared) => prepared,
        Err(error) => {
            note!("sync: {error}");
            return ExitCode::from(2);
        }
    };
    match until_interrupted(run(&arguments, &source, scan)).await {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            note!("sync: {error}");
            ExitCode::FAILURE
        }
        None => {
            note!("sync: interrupted");
            ExitCode::from(130)
        }
    }
}

/// The connection to the container, and what must live as long as a store uses it.
struct Source {
    connection: Connection,
    _cloud: Option<SmallCloud>,
    _samples: Option<TempDir>,
}

impl Source {
    /// Opens the container of the command line, or serves a folder.
    async fn open(arguments: &Arguments) -> Result<(Self, AzureStore), Box<dyn Error>> {
        if arguments.target.account.is_some() {
            let (connection, store) = arguments.target.open("sync")?;
            return Ok((Self { connection, _cloud: None, _samples: None }, store));
        }
        let (builder, samples) = match &arguments.folder {
            Some(folder) => (SmallCloud::builder().folder(folder)?, None),
            None => {
                let samples = media::make()?;
                let builder = SmallCloud::builder().folder(samples.path())?;
                (builder.blobs(media::unusual_blobs()), Some(samples))
            }
        };
        // Ragged pages show that a scan relies on markers, not on the size of pages.
        let cloud = builder.ragged_pages().start().await?;
        let connection = cloud.connection().prefix(&arguments.target.prefix).build()?;
        let store = cloud.store(&connection)?;
        Ok((Self { connection, _cloud: Some(cloud), _samples: samples }, store))
    }
}

/// Creates the scan. Fails if the arguments are not valid.
async fn prepare(arguments: &Arguments) -> Result<(Source, Scan), Box<dyn Error>> {
    let filter = arguments.filter.clone().build()?;
    let (source, store) = Source::open(arguments).await?;
    let scan = Scan::new(store, source.connection.prefix())
        .rules(Rules::default().filter(filter))
        .in_flight(arguments.in_flight.map_or(16, NonZeroUsize::get))
        // Somebody is waiting, so give up sooner than a service would.
        .page_deadline(Duration::from_secs(20));
    Ok((source, scan))
}

/// Creates the output folder. An error names the folder.
fn make_folder(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("--out {}: {error}", path.display()))
}

/// Runs the scan as the options say, and prints what it found.
async fn run(arguments: &Arguments, source: &Source, scan: Scan) -> Result<(), Box<dyn Error>> {
    for warning in source.connection.warnings() {
        note!("warning: {warning}");
    }
    say!("container {}", source.connection.container_url())?;
    if arguments.dry_run {
        return preview::print(scan).await;
    }
    let out = arguments.out.clone().unwrap_or_else(|| "out".into());
    if let Some(state) = &arguments.state {
        let is_in_azure = arguments.target.account.is_some();
        let options = incremental::Options {
            state,
            out: &out,
            // The port of the small cloud differs in each run, so its address identifies nothing.
            source: is_in_azure.then(|| source.connection.container_url().to_string()),
            resume: arguments.resume,
            allow_removals: arguments.allow_removals,
        };
        return incremental::run(scan, options).await;
    }
    make_folder(&out)?;
    let (assets, rejected) = (out.join("assets.jsonl"), out.join("rejected.jsonl"));
    let sinks = (JsonLines::assets(&assets)?, JsonLines::rejections(&rejected)?);
    let report = with_progress_bar(scan, sinks).await?;
    say!("{report}\n")?;
    let text = std::fs::read_to_string(&assets);
    let text = text.map_err(|error| format!("{}: {error}", assets.display()))?;
    for line in text.lines().take(3) {
        say!("{line}")?;
    }
    say!("\nall assets: {}\nrejected blobs: {}", assets.display(), rejected.display())?;
    Ok(())
}

/// Runs a scan and shows its progress.
async fn with_progress_bar(
    scan: Scan,
    sinks: (JsonLines, JsonLines),
) -> Result<Report, azure_asset_sync::Error> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner().tick_chars("-\\|/ "));
    let progress = scan.progress();
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let run = scan.run(sinks);
    tokio::pin!(run);
    let result = loop {
        tokio::select! {
            result = &mut run => break result,
            _ = tick.tick() => {
                let now = progress.report();
                bar.set_message(format!(
                    "{} blobs, {} assets, {} pages, {:.0?}",
                    now.total(), now.accepted(), now.pages, now.elapsed
                ));
                bar.tick();
            }
        }
    };
    bar.finish_and_clear();
    result
}
