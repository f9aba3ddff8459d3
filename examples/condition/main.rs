//! Works with role assignment conditions in files and pipes: checks, explains, formats, audits and
//! generates them, and prints what a customer must run to grant access.
//!
//! For example, `cargo run -q --example condition -- generate --container training --prefix
//! hall-3/` prints a condition that limits a role to a prefix. `--help` lists the commands. Each
//! reads a condition from a file or from standard input.

#![allow(clippy::indexing_slicing, reason = "an index into a JSON object adds the key")]

#[path = "../common/command_line.rs"]
mod command_line;
mod lines;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{
    error::Error,
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    path::Path,
    process::ExitCode,
};

use azure_asset_sync::{
    Connection,
    condition::{Condition, Layout, Limit, Lint, ParseError, Severity},
    grant::{Audit, Form, Grant, Pack, Shape, Step},
};
use terminal::{note, say};

const USAGE: &str = "\
usage: condition lint [FILE]        report mistakes, and attributes that are in preview
       condition explain [FILE]     say in words what the condition allows
       condition format [FILE]      print it in the portal's layout, or --one-line for a command line
       condition audit [FILE] --account NAME --container NAME [--prefix TEXT] [--json]
                                    show what Storage Blob Data Reader allows with the condition:
                                    all requests of a kind (allow), none (deny), or some (may)
       condition generate --container NAME [...] [--prefix TEXT] [--current-versions-only]
                          [--private-link-only] [--private-endpoint ID] [--one-line]
       condition eval --json [FILE] evaluate {\"condition\":…,\"context\":…}, one on each line
       condition lint --json [FILE] check {\"condition\":…}, one on each line
       condition grant --account NAME --container NAME [...] [--prefix TEXT]
                       --subscription ID --resource-group NAME --application ID
                       [--principal ID] [--shape SHAPE] [--form FORM] [--origin URL]
                       [--step STEP | --files FOLDER]
                                    print what the customer runs; --step prints one step only, and
                                    --files writes the files that the steps use to a folder. A file
                                    with different content is not replaced.

Without FILE, the text is read from standard input.

Exit status: 0 nothing is wrong; 1 lint has a warning or an error, the audit lacks something that is
needed, or eval could not decide a line; 2 wrong arguments, or a file cannot be read or written. If nobody
reads the output, the status is the same; with --json on lines it is 2.";

#[derive(Default)]
struct Arguments {
    command: String,
    file: Option<String>,
    json: bool,
    one_line: bool,
    current_versions_only: bool,
    private_link_only: bool,
    private_endpoint: Option<String>,
    account: String,
    containers: Vec<String>,
    prefix: String,
    subscription: String,
    resource_group: String,
    application: String,
    principal: Option<String>,
    shape: Option<String>,
    form: Option<String>,
    origin: Option<String>,
    step: Option<String>,
    files: Option<String>,
}

impl command_line::Arguments for Arguments {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<bool, lexopt::Error> {
        use lexopt::ValueExt as _;
        match name {
            "json" => self.json = true,
            "one-line" => self.one_line = true,
            "current-versions-only" => self.current_versions_only = true,
            "private-link-only" => self.private_link_only = true,
            "private-endpoint" => self.private_endpoint = Some(parser.value()?.string()?),
            "account" => self.account = parser.value()?.string()?,
            "container" => self.containers.push(parser.value()?.string()?),
            "prefix" => self.prefix = parser.value()?.string()?,
            "subscription" => self.subscription = parser.value()?.string()?,
            "resource-group" => self.resource_group = parser.value()?.string()?,
            "application" => self.application = parser.value()?.string()?,
            "principal" => self.principal = Some(parser.value()?.string()?),
            "shape" => self.shape = Some(parser.value()?.string()?),
            "form" => self.form = Some(parser.value()?.string()?),
            "origin" => self.origin = Some(parser.value()?.string()?),
            "step" => self.step = Some(parser.value()?.string()?),
            "files" => self.files = Some(parser.value()?.string()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn value(&mut self, value: &OsStr) -> Result<bool, lexopt::Error> {
        let text = || {
            let text = value.to_str().map(str::to_owned);
            text.ok_or_else(|| lexopt::Error::NonUnicodeValue(value.to_owned()))
        };
        if self.command.is_empty() {
            self.command = text()?;
        } else if self.file.is_none() {
            self.file = Some(text()?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn main() -> ExitCode {
    let arguments: Arguments = match command_line::read("condition", USAGE) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            note!("condition: {error}");
            ExitCode::from(2)
        }
    }
}

/// Runs the command. Returns whether nothing is wrong.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    match arguments.command.as_str() {
        "lint" if arguments.json => lines::lint(input(arguments)?),
        "eval" if arguments.json => lines::eval(input(arguments)?),
        "eval" => Err("eval requires --json, and a context on each line".into()),
        "lint" => lint(&text(arguments)?),
        "explain" => condition(arguments, |condition| condition.explain().to_string()),
        "format" => condition(arguments, |condition| formatted(arguments, condition)),
        "audit" => audit(arguments),
        "generate" => generate(arguments),
        "grant" => grant(arguments),
        "" => Err("no command; see --help".into()),
        other => Err(format!("no command `{other}`; see --help").into()),
    }
}

/// Opens the file of the command line, or standard input.
fn input(arguments: &Arguments) -> Result<Box<dyn BufRead>, Box<dyn Error>> {
    match arguments.file.as_deref() {
        None | Some("-") => Ok(Box::new(std::io::stdin().lock())),
        Some(file) => match File::open(file) {
            Ok(open) => Ok(Box::new(BufReader::new(open))),
            Err(error) => Err(format!("{file}: {error}").into()),
        },
    }
}

/// Reads the whole input.
fn text(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    input(arguments)?.read_to_end(&mut bytes)?;
    // Editors on Windows write a byte order mark, which is not part of the condition.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    Ok(std::str::from_utf8(bytes)
        .map_err(|error| format!("the input is not UTF-8: {error}"))?
        .to_owned())
}

/// Formats a condition in the layout of the options.
fn formatted(arguments: &Arguments, condition: &Condition) -> String {
    condition.print(if arguments.one_line { Layout::OneLine } else { Layout::Portal })
}

/// Prints a text about the condition. Returns whether the condition could be parsed.
fn condition(
    arguments: &Arguments,
    shown: impl FnOnce(&Condition) -> String,
) -> Result<bool, Box<dyn Error>> {
    let parsed = parsed(arguments)?;
    if let Some(condition) = &parsed {
        say!("{}", shown(condition).trim_end_matches('\n'))?;
    }
    Ok(parsed.is_some())
}

/// Parses the input. Prints the error and returns `None` if it is not a condition.
fn parsed(arguments: &Arguments) -> Result<Option<Condition>, Box<dyn Error>> {
    match text(arguments)?.parse() {
        Ok(condition) => Ok(Some(condition)),
        Err(error) => {
            let error: ParseError = error;
            note!("{error}\n{}", error.caret());
            Ok(None)
        }
    }
}

/// Prints the findings of the linter. Returns whether none of them is a warning or an error.
fn lint(text: &str) -> Result<bool, Box<dyn Error>> {
    let findings = Lint::new().check(text);
    for finding in &findings {
        let before = text.get(..finding.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let severity = format!("{:?}", finding.severity).to_lowercase();
        say!("{line}:{column}: {severity}: {} [{}]", finding.message, finding.rule)?;
        if let Some(repair) = &finding.repair {
            say!("    repaired: {}", repair.split_whitespace().collect::<Vec<_>>().join(" "))?;
        }
    }
    Ok(findings.iter().all(|finding| finding.severity == Severity::Note))
}

/// Returns the connection that the options name.
fn connection(arguments: &Arguments) -> Result<Connection, Box<dyn Error>> {
    let [container] = arguments.containers.as_slice() else {
        return Err("--account and one --container are required".into());
    };
    let builder = Connection::builder(container).account(&arguments.account).container(container);
    Ok(builder.prefix(&arguments.prefix).build()?)
}

/// Prints what the condition allows. Returns whether that is all that a sync needs.
fn audit(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let connection = connection(arguments)?;
    let Some(condition) = parsed(arguments)? else { return Ok(false) };
    let audit = Audit::of_condition(&connection, &condition);
    match arguments.json {
        true => say!("{}", serde_json::to_string(&audit)?)?,
        false => say!("{}", audit.to_string().trim_end_matches('\n'))?,
    };
    Ok(audit.suffices())
}

/// Prints a condition that limits a role as the options say.
fn generate(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut containers = arguments.containers.iter();
    let first = containers.next().ok_or("at least one --container is required")?;
    let mut limit = Limit::container(&first.parse()?).prefix(&arguments.prefix.parse()?);
    for container in containers {
        limit = limit.or_container(&container.parse()?);
    }
    if arguments.current_versions_only {
        limit = limit.current_versions_only();
    }
    if arguments.private_link_only {
        limit = limit.private_link_only();
    }
    if let Some(id) = &arguments.private_endpoint {
        limit = limit.private_endpoint(id);
    }
    say!("{}", formatted(arguments, &limit.condition()?))?;
    Ok(true)
}

/// Prints or writes what a customer runs to grant access.
fn grant(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if arguments.files.is_some() && arguments.step.is_some() {
        return Err("use either --files or --step".into());
    }
    let mut connections = Vec::new();
    for container in &arguments.containers {
        let builder = Connection::builder(container).account(&arguments.account);
        connections.push(builder.container(container).prefix(&arguments.prefix).build()?);
    }
    let (first, others) =
        connections.split_first().ok_or("--account and --container are required")?;
    let shape = arguments.shape.as_deref().map(|name| named(Shape::ALL, name, |s| s.as_str()));
    let form = arguments.form.as_deref().map(|name| named(Form::ALL, name, |f| f.as_str()));
    let mut builder = Grant::builder(first)
        .subscription(&arguments.subscription)
        .resource_group(&arguments.resource_group)
        .application(&arguments.application)
        .shape(shape.transpose()?.unwrap_or_default());
    for connection in others {
        builder = builder.also(connection);
    }
    if let Some(id) = &arguments.principal {
        builder = builder.principal(id);
    }
    if let Some(origin) = &arguments.origin {
        builder = builder.origin(origin);
    }
    let grant = builder.build()?;
    let form = form.transpose()?.unwrap_or(Form::AzBash);
    let pack = grant.pack(form)?;
    if let Some(folder) = &arguments.files {
        write_files(&pack, Path::new(folder))?;
        return Ok(true);
    }
    if let Some(name) = &arguments.step {
        let step = named(Step::ALL, name, |step| step.as_str())?;
        let text =
            pack.step(step).ok_or("the grant has no such step; the step cors requires --origin")?;
        say!("{text}")?;
        return Ok(true);
    }
    say!("# {}: {}\n", grant.shape(), grant.shape().cost())?;
    say!("{pack}")?;
    for (connection, audit) in grant.audits() {
        say!("## what it allows for {}\n\n{audit}", connection.container_url())?;
    }
    Ok(true)
}

/// Writes the files of a pack. Fails if a file exists with different content.
fn write_files(pack: &Pack, folder: &Path) -> Result<(), String> {
    for part in &pack.parts {
        let Some(name) = &part.file else { continue };
        let path = folder.join(name.as_ref());
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        match File::options().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(part.text.as_bytes()).map_err(|error| failed(&error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let known = std::fs::read(&path).map_err(|error| failed(&error))?;
                if known != part.text.as_bytes() {
                    return Err(failed(
                        &"the file exists with different content; remove it or choose a different folder",
                    ));
                }
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(())
}

/// Returns the value with this name. The error lists all names.
fn named<T: Copy>(
    all: &[T],
    name: &str,
    name_of: fn(&T) -> &'static str,
) -> Result<T, Box<dyn Error>> {
    let known = || all.iter().map(name_of).collect::<Vec<_>>().join(", ");
    let found = all.iter().copied().find(|one| name_of(one) == name);
    found.ok_or_else(|| format!("`{name}` is not one of {}", known()).into())
}
