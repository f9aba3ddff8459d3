//! Checks whether a service can read a container, waits until it can, and says what is wrong if it
//! cannot.
//!
//! `cargo run --example probe` shows it without Azure: a role that was assigned 30 seconds ago
//! reaches three front ends one after the other, in a small cloud on a loopback port, in simulated
//! time. It prints each check that changes, the passes between, and the outcome with the privileges
//! of the service principal.
//!
//! `cargo run --example probe -- --account NAME --container NAME` checks a container in Azure;
//! `--help` lists the options.

#[path = "../common/command_line.rs"]
mod command_line;
#[path = "../common/interrupt.rs"]
mod interrupt;
#[path = "../common/target.rs"]
mod target;
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
use futures::StreamExt as _;
use interrupt::until_interrupted;
use target::Target;
use terminal::{note, say};

const USAGE: &str = "\
usage: probe [--json]                                 simulate a role assigned 30 seconds ago
       probe --account NAME --container NAME [...]    check a container in Azure
";
const OPTIONS: &str = "\
  --granted SECONDS      how long ago the customer applied the grant (default: 0)
  --wait SECONDS         how long to wait until access works; 0 checks once (default: 600)
  --origin URL           check that pages of this origin may play videos (CORS)
  --view-links           check that view links (SAS URLs) can be created
  --least-privilege      check that access to other containers is denied
  --json                 print each event as one line of JSON

With these options, remedies contain the commands that fix the grant:
  --subscription ID --resource-group NAME --application ID [--principal ID]

Exit status: 0 connected; 2 wrong arguments, or nobody reads the output; 3 access may work later;
4 somebody must change something; 130 interrupted.";

#[derive(Default)]
struct Arguments {
    target: Target,
    granted: u64,
    wait: Option<u64>,
    origin: Option<String>,
    view_links: bool,
    least_privilege: bool,
    json: bool,
    subscription: Option<String>,
    resource_group: String,
    application: Option<String>,
    principal: Option<String>,
}

impl command_line::Arguments for Arguments {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "granted" => self.granted = parser.value()?.parse()?,
            "wait" => self.wait = Some(parser.value()?.parse()?),
            "origin" => self.origin = Some(parser.value()?.string()?),
            "view-links" => self.view_links = true,
            "least-privilege" => self.least_privilege = true,
            "json" => self.json = true,
            "subscription" => self.subscription = Some(parser.value()?.string()?),
            "resource-group" => self.resource_group = parser.value()?.string()?,
            "application" => self.application = Some(parser.value()?.string()?),
            "principal" => self.principal = Some(parser.value()?.string()?),
            name => return self.target.option(name, parser),
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), String> {
        match self.target.account.is_none() && !self.target.container.is_empty() {
            true => Err("--container requires --account".to_owned()),
            false => Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let help = format!("{USAGE}\n{}\n{OPTIONS}\n\n{}", target::OPTIONS, target::CREDENTIALS);
    let arguments: Arguments = match command_line::read("probe", &help) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let outcome = until_interrupted(async {
        match arguments.target.account {
            Some(_) => check_in_azure(&arguments).await,
            None => simulate(arguments.json).await,
        }
    });
    let Some(outcome) = outcome.await else {
        note!("probe: interrupted");
        return ExitCode::from(130);
    };
    match outcome {
        Ok(outcome) => ExitCode::from(match outcome.reason {
            EndReason::Connected => 0,
            EndReason::Deadline | EndReason::Unconfirmed => 3,
            _ => 4,
        }),
        Err(error) => {
            note!("probe: {error}");
            ExitCode::from(2)
        }
    }
}

/// Prints a line. Fails if nobody reads it, because then there is no reason to go on.
fn print_line(line: impl std::fmt::Display) -> Result<(), String> {
    match say!("{line}")? {
        true => Ok(()),
        false => Err("standard output was closed before the end".to_owned()),
    }
}

/// Probes the container of the command line.
async fn check_in_azure(arguments: &Arguments) -> Result<WaitOutcome, Box<dyn Error>> {
    let (connection, store) = arguments.target.open("probe")?;
    let granted = SystemTime::now().checked_sub(Duration::from_secs(arguments.granted));
    let granted = granted.ok_or("--granted is too large")?;
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
    let mut options = WaitOptions::new(Duration::from_secs(arguments.wait.unwrap_or(600)));
    if arguments.wait == Some(0) {
        options = options.successes(1);
    }
    wait_and_print(&probe, options, arguments.json).await
}

/// Returns the grant that the options describe, or `None` if they describe none.
fn grant(arguments: &Arguments, connection: &Connection) -> Result<Option<Grant>, Box<dyn Error>> {
    let application = arguments.application.clone().or_else(|| target::variable("AZURE_CLIENT_ID"));
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

/// Probes a small cloud in which a role was assigned 30 seconds ago and reaches three front ends
/// one after the other.
async fn simulate(json: bool) -> Result<WaitOutcome, Box<dyn Error>> {
    const ORIGIN: &str = "https://vision.example";
    let seconds = Duration::from_secs;
    let clock = ManualClock::auto_advancing();
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
        print_line("a role was assigned 30 seconds ago; the time is simulated\n")?;
    }
    wait_and_print(&probe, WaitOptions::new(seconds(600)), json).await
}

/// Waits until the probe ends, and prints its events.
async fn wait_and_print(
    probe: &Probe,
    options: WaitOptions,
    json: bool,
) -> Result<WaitOutcome, Box<dyn Error>> {
    let mut events = probe.wait(options);
    let mut outcome = None;
    // The last printed state of each check, so that a later pass prints only changes.
    let mut printed = BTreeMap::new();
    while let Some(event) = events.next().await {
        if json {
            print_line(serde_json::to_string(&event)?)?;
        }
        match event {
            WaitEvent::Checked(checked) if !json => {
                let cause = checked.diagnosis.as_ref().map(|diagnosis| diagnosis.cause);
                let state = (checked.outcome, cause);
                if printed.insert(checked.check, state) != Some(state) {
                    print_line(checked)?;
                }
            }
            // Prints only every tenth of consecutive successes.
            WaitEvent::Retrying(retrying)
                if !json && (retrying.successes < 2 || retrying.successes % 10 == 0) =>
            {
                print_line(format_args!("      {retrying}"))?;
            }
            WaitEvent::Ended(last) => outcome = Some(*last),
            _ => {}
        }
    }
    let outcome = outcome.ok_or("the probe ended without an outcome")?;
    if !json {
        print_line(format_args!("\n{}", describe(&outcome)))?;
    }
    Ok(outcome)
}

/// Describes the outcome, the remedy and the privileges.
fn describe(outcome: &WaitOutcome) -> String {
    let passes = if outcome.attempts == 1 { "pass" } else { "passes" };
    let how = format!("{} {passes} in {:.0?}", outcome.attempts, outcome.elapsed);
    let mut text = match outcome.reason {
        EndReason::Connected => format!("connected, after {how}"),
        EndReason::Deadline => format!("not connected yet, after {how}"),
        EndReason::Unconfirmed => format!("access works, but not reliably yet, after {how}"),
        _ => format!("not connected, and waiting will not help, after {how}"),
    };
    if let Some(diagnosis) = &outcome.health.diagnosis {
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
    for failed in outcome.health.optional_failures() {
        text.push_str(&format!("\n{}: {}", failed.check.opposite(), failed.note));
    }
    if let Some(privileges) = &outcome.health.privileges {
        text.push_str(&format!("\n\n{privileges}"));
    }
    text
}
