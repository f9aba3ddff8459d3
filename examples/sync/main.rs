//! From an Azure container to descriptors of its images and videos in a file.
//!
//! Without arguments: a small Azure on a loopback port, on a folder of sample media made for it.

#![allow(clippy::indexing_slicing, reason = "the index is below the length")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/interrupt.rs"]
mod interrupt;
mod media;
mod preview;
mod remember;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{
    error::Error,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use azure_asset_sync::{
    JsonLines, Report, Rules, Scan,
    testing::SmallCloud,
    validate::{Filter, FilterBuilder},
};
use common::Target;
use indicatif::{ProgressBar, ProgressStyle};
use interrupt::until_interrupted;
use terminal::{note, say};

const USAGE: &str = "\
usage: sync [FOLDER]                                serve a folder, and scan it
       sync --account NAME --container NAME [...]   scan a container in Azure
";
const OUT: &str = "\
  --out FOLDER           where assets.jsonl and rejected.jsonl go (default: out)
  --in-flight N          how many pages of the listing are requested at once (default: 16)
  --glob GLOB            only names that match it, such as '**/*.jpg'; can be given several times
  --exclude GLOB         no names that match it; can be given several times
  --dry-run              print what a sync would find, and write nothing
  --state FOLDER         remember what there is, and write what has changed since the last run to
                         changes.jsonl; a run that was interrupted is continued
  --resume               only continue, and fail if no run was interrupted
  --allow-removals       report what is gone, even if that is more than 30 % of the assets

The exit status is 0 if the sync is complete, 1 if it failed, 2 for wrong arguments, and 130 if it was
interrupted.";

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

fn parse() -> Result<Option<Arguments>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("out") => arguments.out = Some(parser.value()?.into()),
            Long("in-flight") => arguments.in_flight = Some(parser.value()?.parse()?),
            Long("glob") => {
                arguments.filter = arguments.filter.include(parser.value()?.string()?);
            }
            Long("exclude") => {
                arguments.filter = arguments.filter.exclude(parser.value()?.string()?);
            }
            Long("dry-run") => arguments.dry_run = true,
            Long("state") => arguments.state = Some(parser.value()?.into()),
            Long("resume") => arguments.resume = true,
            Long("allow-removals") => arguments.allow_removals = true,
            Long("help") | Short('h') => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                if !arguments.target.take(&name, &mut parser)? {
                    return Err(Long(&name).unexpected().into());
                }
            }
            Value(folder) if arguments.folder.is_none() => arguments.folder = Some(folder.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    match (&arguments.target.account, &arguments.folder) {
        (Some(_), Some(_)) => Err("a folder and an account exclude each other".into()),
        (None, _) if !arguments.target.container.is_empty() => {
            Err("--container wants --account".into())
        }
        _ if arguments.state.is_none() && (arguments.resume || arguments.allow_removals) => {
            Err("--resume and --allow-removals want --state".into())
        }
        _ => Ok(Some(arguments)),
    }
}

fn usage() -> String {
    format!("{USAGE}\n{}\n{OUT}\n\n{}", common::OPTIONS, common::CREDENTIALS)
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return status(say!("{}", usage()).map(|_| ()).map_err(Into::into)),
        Err(error) => {
            note!("sync: {}\n\n{}", common::wrong_argument(&*error), usage());
            return ExitCode::from(2);
        }
    };
    match until_interrupted(run(arguments)).await {
        Some(result) => status(result),
        None => {
            note!("sync: interrupted");
            ExitCode::from(130)
        }
    }
}

fn status(result: Result<(), Box<dyn Error>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note!("sync: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a folder for output; an error names it
fn make_folder(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("--out {}: {error}", path.display()))
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let filter: Filter = arguments.filter.build()?;
    // Both live until the scan is done.
    let (_samples, _cloud);
    let (connection, store) = if arguments.target.account.is_some() {
        arguments.target.open("sync")?
    } else {
        let mut builder = SmallCloud::builder();
        builder = match &arguments.folder {
            Some(folder) => builder.folder(folder)?,
            None => {
                _samples = media::make()?;
                builder.folder(_samples.path())?.blobs(media::with_odd_properties())
            }
        };
        let cloud = builder.ragged_pages().start().await?;
        let connection = cloud.connection().prefix(&arguments.target.prefix).build()?;
        let store = cloud.store(&connection)?;
        _cloud = cloud;
        (connection, store)
    };
    for warning in connection.warnings() {
        note!("note: {warning}");
    }
    say!("container {}", connection.container_url())?;

    // Somebody is watching, so it gives up sooner than a service would.
    let scan = Scan::new(store, connection.prefix())
        .rules(Rules::default().filter(filter))
        .in_flight(arguments.in_flight.map_or(16, NonZeroUsize::get))
        .page_deadline(Duration::from_secs(20));
    if arguments.dry_run {
        return preview::print(scan).await;
    }
    let out = arguments.out.unwrap_or_else(|| "out".into());
    if let Some(state) = &arguments.state {
        let is_real = arguments.target.account.is_some();
        let options = remember::Options {
            state,
            out: &out,
            // The small cloud has another port each time.
            source: is_real.then(|| connection.container_url().to_string()),
            resume: arguments.resume,
            allow_removals: arguments.allow_removals,
        };
        return remember::run(scan, options).await;
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
    say!("\nall of them: {}\nthe rejected: {}", assets.display(), rejected.display())?;
    Ok(())
}

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
