//! Role assignment conditions on files and pipes: what they say, what they allow, what is wrong.

mod lines;

use std::{
    error::Error,
    fs::File,
    io::{BufRead, BufReader, Read as _},
    process::ExitCode,
};

use azure_asset_sync::{
    Connection,
    condition::{Condition, Layout, Limit, Lint, ParseError, Severity},
    grant::{Audit, Form, Grant, Shape, Step},
};

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
                                    with --files the files that the steps use, in a folder

Without a file the text comes from standard input. The exit status is 0 only if nothing is wrong:
for lint no warning and no error, for audit everything needed is allowed, for eval every line decided.";

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
            println!("{USAGE}");
            Ok(true)
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("condition: {error}");
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
        "explain" => condition(arguments, |condition| print!("{}", condition.explain())),
        "format" => {
            condition(arguments, |condition| println!("{}", laid_out(arguments, condition)))
        }
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

fn condition(arguments: &Arguments, with: impl FnOnce(&Condition)) -> Result<bool, Box<dyn Error>> {
    match text(arguments)?.parse() {
        Ok(condition) => with(&condition),
        Err(error) => return Ok(refused(&error)),
    }
    Ok(true)
}

fn refused(error: &ParseError) -> bool {
    eprintln!("{error}\n{}", error.caret());
    false
}

fn lint(text: &str) -> Result<bool, Box<dyn Error>> {
    let findings = Lint::new().check(text);
    for finding in &findings {
        let before = text.get(..finding.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let severity = format!("{:?}", finding.severity).to_lowercase();
        println!("{line}:{column}: {severity}: {} [{}]", finding.message, finding.rule);
        if let Some(repair) = &finding.repair {
            println!("    repaired: {}", repair.split_whitespace().collect::<Vec<_>>().join(" "));
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
    let mut suffices = false;
    let mut shown = Ok(String::new());
    let parsed = condition(arguments, |condition| {
        let audit = Audit::of_condition(&connection, condition);
        suffices = audit.suffices();
        shown = match arguments.json {
            true => serde_json::to_string(&audit).map(|json| format!("{json}\n")),
            false => Ok(audit.to_string()),
        };
    })?;
    print!("{}", shown?);
    Ok(parsed && suffices)
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
    println!("{}", laid_out(arguments, &limit.condition()?));
    Ok(true)
}

fn grant(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
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
        for part in &pack.parts {
            if let Some(name) = part.file {
                std::fs::write(std::path::Path::new(folder).join(name), &part.text)?;
            }
        }
        return Ok(true);
    }
    if let Some(name) = &arguments.step {
        let step = named(Step::ALL, name, |step| step.as_str())?;
        println!(
            "{}",
            pack.step(step).ok_or("the grant has no such step: give --origin for cors")?
        );
        return Ok(true);
    }
    println!("# {}: {}\n", grant.shape(), grant.shape().cost());
    println!("{pack}");
    for (connection, audit) in grant.audits() {
        println!("## what it allows, for {}\n\n{audit}", connection.container_url());
    }
    Ok(true)
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
