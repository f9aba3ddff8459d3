//! Is the grant in effect, and if not, which step is wrong?
//!
//! Without arguments: the scenario "role assigned thirty seconds ago", on a small Azure on a
//! loopback port, in simulated time.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/interrupt.rs"]
mod interrupt;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{
    collections::BTreeMap,
    error::Error,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use azure_asset_sync::{
    Clock as _, Connection, Probe,
    condition::{Limit, Role},
    grant::{Form, Grant},
    probe::{EndReason, WaitEvent, WaitOptions, WaitOutcome},
    testing::{Assignment, CorsRule, ManualClock, Propagation, Seed, SmallCloud},
};
use common::Target;
use futures::StreamExt as _;
use interrupt::until_interrupted;
use terminal::{note, say};

const USAGE: &str = "\
usage: probe [--json]                                 a role that was assigned 30 seconds ago
       probe --account NAME --container NAME [...]    a container in Azure
";
const OPTIONS: &str = "\
  --granted SECONDS      how long ago the customer applied the grant (default: 0)
  --patience SECONDS     how long to wait for it; 0 tries once (default: 600)
  --origin URL           check that pages of this origin may play videos
  --view-links           check that view links can be made
  --least-privilege      check that other containers are refused
  --json                 print each event as JSON, one a line

Remedies have their commands if these options name the grant:
  --subscription ID --resource-group NAME --application ID [--principal ID]

The exit status is 0 if the container is connected, 2 for wrong arguments or if nobody reads the output,
3 if it may heal given more time, 4 if somebody must change something, and 130 after an interrupt.";

#[derive(Default)]
struct Arguments {
    target: Target,
    granted: u64,
    patience: Option<u64>,
    origin: Option<String>,
    view_links: bool,
    least_privilege: bool,
    json: bool,
    subscription: Option<String>,
    resource_group: String,
    application: Option<String>,
    principal: Option<String>,
}

fn parse() -> Result<Option<Arguments>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("granted") => arguments.granted = parser.value()?.parse()?,
            Long("patience") => arguments.patience = Some(parser.value()?.parse()?),
            Long("origin") => arguments.origin = Some(parser.value()?.string()?),
            Long("view-links") => arguments.view_links = true,
            Long("least-privilege") => arguments.least_privilege = true,
            Long("json") => arguments.json = true,
            Long("subscription") => arguments.subscription = Some(parser.value()?.string()?),
            Long("resource-group") => arguments.resource_group = parser.value()?.string()?,
            Long("application") => arguments.application = Some(parser.value()?.string()?),
            Long("principal") => arguments.principal = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Ok(None),
            Long(name) => {
                let name = name.to_owned();
                if !arguments.target.take(&name, &mut parser)? {
                    return Err(Long(&name).unexpected().into());
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if arguments.target.account.is_none() && !arguments.target.container.is_empty() {
        return Err("--container wants --account".into());
    }
    Ok(Some(arguments))
}

fn usage() -> String {
    format!("{USAGE}\n{}\n{OPTIONS}\n\n{}", common::OPTIONS, common::CREDENTIALS)
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            return match say!("{}", usage()) {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
        Err(error) => {
            note!("probe: {}\n\n{}", common::wrong_argument(&*error), usage());
            return ExitCode::from(2);
        }
    };
    let ended = until_interrupted(async {
        match arguments.target.account {
            Some(_) => in_azure(&arguments).await,
            None => scenario(arguments.json).await,
        }
    });
    let Some(ended) = ended.await else {
        note!("probe: interrupted");
        return ExitCode::from(130);
    };
    match ended {
        Ok(ended) => ExitCode::from(match ended.reason {
            EndReason::Connected => 0,
            EndReason::Deadline | EndReason::Unconfirmed => 3,
            EndReason::Permanent => 4,
        }),
        Err(error) => failed(&error.to_string()),
    }
}

fn failed(error: &str) -> ExitCode {
    note!("probe: {error}");
    ExitCode::from(2)
}

/// Prints a line, and ends the probe if nobody reads it
fn tell(line: impl std::fmt::Display) -> Result<(), String> {
    match say!("{line}")? {
        true => Ok(()),
        false => Err("the standard output was closed before the end".to_owned()),
    }
}

async fn in_azure(arguments: &Arguments) -> Result<WaitOutcome, Box<dyn Error>> {
    let (connection, store) = arguments.target.open("probe")?;
    let granted = SystemTime::now().checked_sub(Duration::from_secs(arguments.granted));
    let granted = granted.ok_or("--granted is longer ago than clocks can tell")?;
    let mut probe = Probe::new(&connection, store).granted(granted);
    if let Some(grant) = grant(arguments, &connection)? {
        probe = probe.grant(&grant, Form::AzBash);
    }
    if let Some(origin) = &arguments.origin {
        probe = probe.origin(origin)?;
    }
    if arguments.view_links {
        probe = probe.view_links();
    }
    if arguments.least_privilege {
        probe = probe.least_privilege();
    }
    let mut patience = WaitOptions::new(Duration::from_secs(arguments.patience.unwrap_or(600)));
    if arguments.patience == Some(0) {
        patience = patience.successes(1);
    }
    show(&probe, patience, arguments.json).await
}

fn grant(arguments: &Arguments, connection: &Connection) -> Result<Option<Grant>, Box<dyn Error>> {
    let application = arguments.application.clone().or_else(|| common::variable("AZURE_CLIENT_ID"));
    let (Some(subscription), Some(application)) = (&arguments.subscription, application) else {
        return Ok(None);
    };
    let mut grant = Grant::builder(connection)
        .subscription(subscription)
        .resource_group(&arguments.resource_group)
        .application(application);
    if let Some(principal) = &arguments.principal {
        grant = grant.principal(principal);
    }
    if let Some(origin) = &arguments.origin {
        grant = grant.origin(origin);
    }
    Ok(Some(grant.build()?))
}

/// A role that was assigned thirty seconds ago, and reaches three front ends one after the other
async fn scenario(json: bool) -> Result<WaitOutcome, Box<dyn Error>> {
    const ORIGIN: &str = "https://vision.example";
    let seconds = Duration::from_secs;
    let clock = ManualClock::new();
    let granted = clock.time();
    let condition = Limit::container(&"assets".parse()?).prefix(&"hall-3/".parse()?).condition()?;
    let reader = Assignment::new(Role::BlobDataReader).condition(condition).propagation([
        Propagation::at(seconds(95)),
        Propagation::at(seconds(140)),
        Propagation::flapping(seconds(120), seconds(185)),
    ]);
    let cloud = SmallCloud::builder()
        .clock(clock.clone())
        .blob(Seed::new("hall-3/0001.jpg", b"\xff\xd8\xff".as_slice()))
        .front_ends(3)
        .assignment(reader)
        .cors(
            CorsRule::new(ORIGIN)
                .methods(["GET", "HEAD", "OPTIONS"])
                .allowed_headers(["*"])
                .exposed_headers(["Accept-Ranges", "Content-Length", "Content-Range", "ETag"]),
        )
        .start()
        .await?;
    clock.advance(seconds(30));

    let connection = cloud.connection().prefix("hall-3/").build()?;
    let grant = Grant::builder(&connection)
        .subscription("11111111-2222-3333-4444-555555555555")
        .resource_group("vision")
        .application(cloud.client_id())
        .build()?;
    let probe = Probe::new(&connection, cloud.store(&connection)?)
        .clock(clock)
        .grant(&grant, Form::AzBash)
        .granted(granted)
        .origin(ORIGIN)?
        .view_links()
        .least_privilege();
    if !json {
        tell("a role was assigned thirty seconds ago; the time is simulated\n")?;
    }
    show(&probe, WaitOptions::new(seconds(600)), json).await
}

async fn show(
    probe: &Probe,
    patience: WaitOptions,
    json: bool,
) -> Result<WaitOutcome, Box<dyn Error>> {
    let mut events = probe.wait(patience);
    let mut ended = None;
    // A pass after the first shows what has changed.
    let mut shown = BTreeMap::new();
    while let Some(event) = events.next().await {
        if json {
            tell(serde_json::to_string(&event)?)?;
        }
        match event {
            WaitEvent::Checked(checked) if !json => {
                let cause = checked.diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
                let state = (checked.outcome, cause);
                if shown.insert(checked.check, state) != Some(state) {
                    tell(checked)?;
                }
            }
            // Of successes in a row one in ten is enough to see.
            WaitEvent::Retrying(again)
                if !json && (again.successes < 2 || again.successes % 10 == 0) =>
            {
                tell(format_args!("      {again}"))?;
            }
            WaitEvent::Ended(last) => ended = Some(*last),
            _ => {}
        }
    }
    let ended = ended.ok_or("the probe ended without an end")?;
    if !json {
        tell(format_args!("\n{}", verdict(&ended)))?;
    }
    Ok(ended)
}

fn verdict(ended: &WaitOutcome) -> String {
    let passes = if ended.attempts == 1 { "pass" } else { "passes" };
    let how = format!("{} {passes} in {:.0?}", ended.attempts, ended.elapsed);
    let mut text = match ended.reason {
        EndReason::Connected => format!("connected, after {how}"),
        EndReason::Deadline => format!("not yet, after {how}"),
        EndReason::Unconfirmed => format!("it works, and not yet for sure, after {how}"),
        EndReason::Permanent => format!("not connected, and waiting does not help, after {how}"),
    };
    if let Some(diagnosis) = &ended.health.diagnosis {
        text.push_str(&format!(
            "\n{} [{}]\nstep {}: {}",
            diagnosis.cause.what(),
            diagnosis.cause,
            diagnosis.redo(),
            diagnosis.remedy()
        ));
        if let Some(command) = &diagnosis.command {
            text.push_str(&format!("\n\n{command}"));
        }
    }
    if let Some(privileges) = &ended.health.privileges {
        text.push_str(&format!("\n\n{privileges}"));
    }
    text
}
