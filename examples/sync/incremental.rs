//! `--state`: a job that reports what has changed since its last run.

use std::{error::Error, path::Path, time::Duration};

use azure_asset_sync::{
    JsonLines, Scan,
    sink::{Change, callback},
    sync::{Ending, Handle, Job, Summary, interrupted},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::{Arc, Mutex};

use crate::{make_folder, terminal::say};

/// The number of changes that are printed.
const SHOWN: usize = 20;

/// The options of a job.
pub struct Options<'a> {
    /// The folder with the state of the job.
    pub state: &'a Path,
    /// The folder for `changes.jsonl`.
    pub out: &'a Path,
    /// The address of the container, if it is the same in each run.
    pub source: Option<String>,
    /// Fails if there is no interrupted run to resume.
    pub resume: bool,
    /// Allows any number of removals.
    pub allow_removals: bool,
}

/// Runs the job and prints the first changes, the summary, and the file with all changes.
pub async fn run(scan: Scan, options: Options<'_>) -> Result<(), Box<dyn Error>> {
    if options.resume && interrupted(options.state)?.is_none() {
        let state = options.state.display();
        return Err(format!(
            "there is no interrupted run in `{state}`; run again without --resume"
        )
        .into());
    }
    make_folder(options.out)?;
    let log = options.out.join("changes.jsonl");
    let shown = Arc::new(Mutex::new(Vec::new()));
    let show = {
        let shown = Arc::clone(&shown);
        callback(move |change| {
            let mut shown = shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if shown.len() < SHOWN {
                shown.push(line(change));
            }
            Ok(())
        })
    };
    let mut job = Job::new(scan, options.state);
    if let Some(source) = options.source {
        job = job.source(source);
    }
    if options.allow_removals {
        job = job.max_removals(1.0);
    }
    // If this future is dropped, the run ends with the runtime, and the next one resumes it.
    let run = job.start((JsonLines::changes(&log)?, show));
    let summary = with_progress_bar(run).await?;
    if summary.is_resumed {
        say!("resumed run {}, which was interrupted", summary.run)?;
    }
    let shown = shown.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for line in shown.iter() {
        say!("{line}")?;
    }
    let counts = summary.counts;
    let reported =
        counts.added + counts.changed + counts.restored + counts.removed + counts.rejected;
    if reported > shown.len() as u64 {
        say!("and {} more", reported - shown.len() as u64)?;
    }
    say!("{summary}")?;
    if matches!(summary.ending, Ending::RemovalsWithheld { .. }) {
        say!("run again with --allow-removals if this is right")?;
    }
    say!("\nall changes: {}", log.display())?;
    Ok(())
}

/// Returns one line for a change.
fn line(change: &Change) -> String {
    let name = change.name().unwrap_or("an entry without a name").escape_debug();
    match change {
        Change::Added(_) => format!("+ {name}"),
        Change::Changed(_) => format!("~ {name}"),
        Change::Restored(_) => format!("+ {name}, restored"),
        Change::Removed(removal) => match &removal.moved_to {
            Some(place) => format!("- {name}, possibly moved to {}", place.escape_debug()),
            None => format!("- {name}"),
        },
        Change::Rejected(rejection) => format!("! {name}: {}", rejection.detail),
        _ => format!("? {name}"),
    }
}

/// Waits for a job and shows its progress.
async fn with_progress_bar(run: Handle) -> Result<Summary, azure_asset_sync::Error> {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner().tick_chars("-\\|/ "));
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    let result = loop {
        tokio::select! {
            outcome = run.wait() => break outcome.into_result(),
            _ = tick.tick() => {
                let status = run.status();
                let (done, rate) = (status.report.total(), status.rate());
                bar.set_message(match (status.expected, status.time_left()) {
                    (Some(all), Some(left)) => format!("{done} of about {all} blobs, {left:.0?} left"),
                    _ => format!("{done} blobs, {rate:.0} a second"),
                });
                bar.tick();
            }
        }
    };
    bar.finish_and_clear();
    result
}
