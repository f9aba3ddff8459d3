//! Role assignment conditions on files and pipes: what they say, what they allow, what is wrong.

#![allow(clippy::indexing_slicing, reason = "an index into a JSON object adds the key")]

mod lines;
#[path = "../common/terminal.rs"]
mod terminal;

use std::{
    error::Error,
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
usage: condition lint [FILE]        mistakes, and attributes that are in preview
       condition explain [FILE]     what it says, in words
       condition format [FILE]      in the portal's layout; --one-line for command lines
       condition audit [FILE] --account NAME --container NAME [--prefix TEXT] [--json]
                                    what Storage Blob Data Reader with it allows: all
                                    requests of a kind (allow), none (deny), or some (may)
       condition generate --container NAME [...] [--prefix TEXT] [--current-versions-only]
                          [--private-link-only] [--private-endpoint ID] [--one-line]
       condition eval --json [FILE] decides {\"condition\":…,\"context\":…}, one a line
       condition lint --json [FILE] checks {\"condition\":…}, one a line
       condition grant --account NAME --container NAME [...] [--prefix TEXT]
                       --subscription ID --resource-group NAME --application ID
                       [--principal ID] [--shape SHAPE] [--form FORM] [--origin URL]
                       [--step STEP | --files FOLDER]
                                    what the customer runs; with --step the text of one step alone,
                                    with --files the files that the steps use, in a folder:
                                    a file that exists with other content is not replaced

Without a file the text comes from standard input. The exit status is 0 only if nothing is wrong:
for lint no warning and no error, for audit everything needed is allowed, for eval every line decided.
If nobody reads the output, the exit status is the same; with --json on lines it is 2.";

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

fn parse() -> Result<Option<Arguments>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("json") => arguments.json = true,
            Long("one-line") => arguments.one_line = true,
            Long("current-versions-only") => arguments.current_versions_only = true,
            Long("private-link-only") => arguments.private_link_only = true,
            Long("private-endpoint") => {
                arguments.private_endpoint = Some(parser.value()?.string()?)
            }
            Long("account") => arguments.account = parser.value()?.string()?,
            Long("container") => arguments.containers.push(parser.value()?.string()?),
            Long("prefix") => arguments.prefix = parser.value()?.string()?,
            Long("subscription") => arguments.subscription = parser.value()?.string()?,
            Long("resource-group") => arguments.resource_group = parser.value()?.string()?,
            Long("application") => arguments.application = parser.value()?.string()?,
            Long("principal") => arguments.principal = Some(parser.value()?.string()?),
            Long("shape") => arguments.shape = Some(parser.value()?.string()?),
            Long("form") => arguments.form = Some(parser.value()?.string()?),
            Long("origin") => arguments.origin = Some(parser.value()?.string()?),
            Long("step") => arguments.step = Some(parser.value()?.string()?),
            Long("files") => arguments.files = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Ok(None),
            Value(command) if arguments.command.is_empty() => {
                arguments.command = command.string()?;
            }
            Value(file) if arguments.file.is_none() => arguments.file = Some(file.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(arguments))
}

fn main() -> ExitCode {
    let result = parse().and_then(|arguments| match arguments {
        Some(arguments) => run(&arguments),
        None => {
            say!("{USAGE}")?;
            Ok(true)
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            note!("condition: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing was wrong
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    match arguments.command.as_str() {
        "lint" if arguments.json => lines::lint(input(arguments)?),
        "eval" if arguments.json => lines::eval(input(arguments)?),
        "eval" => Err("eval takes --json, and a context on each line".into()),
        "lint" => lint(&text(arguments)?),
        "explain" => condition(arguments, |condition| condition.explain().to_string()),
        "format" => condition(arguments, |condition| laid_out(arguments, condition)),
        "audit" => audit(arguments),
        "generate" => generate(arguments),
        "grant" => grant(arguments),
        "" => Err(format!("no command was given\n\n{USAGE}").into()),
        other => Err(format!("there is no command `{other}`; see --help").into()),
    }
}

fn input(arguments: &Arguments) -> Result<Box<dyn BufRead>, Box<dyn Error>> {
    match arguments.file.as_deref() {
        None | Some("-") => Ok(Box::new(std::io::stdin().lock())),
        Some(file) => match File::open(file) {
            Ok(open) => Ok(Box::new(BufReader::new(open))),
            Err(error) => Err(format!("{file}: {error}").into()),
        },
    }
}

fn text(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    input(arguments)?.read_to_end(&mut bytes)?;
    // The byte order mark that editors on Windows put first is no part of the text.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    Ok(std::str::from_utf8(bytes)
        .map_err(|error| format!("the input is not UTF-8: {error}"))?
        .to_owned())
}

fn laid_out(arguments: &Arguments, condition: &Condition) -> String {
    condition.print(if arguments.one_line { Layout::OneLine } else { Layout::Portal })
}

/// Prints what is made of the condition; whether it could be parsed
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

/// The condition; `None` if it is wrong, which is said
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

fn connection(arguments: &Arguments) -> Result<Connection, Box<dyn Error>> {
    let [container] = arguments.containers.as_slice() else {
        return Err("give --account and one --container".into());
    };
    let builder = Connection::builder(container).account(&arguments.account).container(container);
    Ok(builder.prefix(&arguments.prefix).build()?)
}

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

fn generate(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut containers = arguments.containers.iter();
    let first = containers.next().ok_or("give at least one --container")?;
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
    say!("{}", laid_out(arguments, &limit.condition()?))?;
    Ok(true)
}

fn grant(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if arguments.files.is_some() && arguments.step.is_some() {
        return Err("--files and --step exclude each other".into());
    }
    let mut connections = Vec::new();
    for container in &arguments.containers {
        let builder = Connection::builder(container).account(&arguments.account);
        connections.push(builder.container(container).prefix(&arguments.prefix).build()?);
    }
    let (first, others) = connections.split_first().ok_or("give --account and --container")?;
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
        let text = pack.step(step).ok_or("the grant has no such step: give --origin for cors")?;
        say!("{text}")?;
        return Ok(true);
    }
    say!("# {}: {}\n", grant.shape(), grant.shape().cost())?;
    say!("{pack}")?;
    for (connection, audit) in grant.audits() {
        say!("## what it allows, for {}\n\n{audit}", connection.container_url())?;
    }
    Ok(true)
}

/// Writes the files of a pack; one that exists stays as it is
fn write_files(pack: &Pack, folder: &Path) -> Result<(), String> {
    for part in &pack.parts {
        let Some(name) = part.file else { continue };
        let path = folder.join(name);
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        match File::options().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(part.text.as_bytes()).map_err(|error| failed(&error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let known = std::fs::read(&path).map_err(|error| failed(&error))?;
                if known != part.text.as_bytes() {
                    return Err(failed(
                        &"the file exists with other content; remove it, or name another folder",
                    ));
                }
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(())
}

fn named<T: Copy>(
    all: &[T],
    name: &str,
    name_of: fn(&T) -> &'static str,
) -> Result<T, Box<dyn Error>> {
    let known = || all.iter().map(name_of).collect::<Vec<_>>().join(", ");
    let found = all.iter().copied().find(|one| name_of(one) == name);
    found.ok_or_else(|| format!("`{name}` is none of {}", known()).into())
}
