//! From an Azure container to descriptors of its images and videos in a file.
//!
//! Without arguments: a small Azure on a loopback port, on a folder of sample media made for it.

mod media;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use azure_asset_sync::{
    AzureStore, Cloud, Connection, Credential, Endpoint, JsonLines, Report, Scan,
    testing::SmallCloud,
};
use indicatif::{ProgressBar, ProgressStyle};

const USAGE: &str = "\
usage: sync [FOLDER]                                serve a folder, and scan it
       sync --account NAME --container NAME [...]   scan a container in Azure

  --prefix TEXT      only names that begin with it
  --tenant ID        the tenant to sign in to
  --endpoint URL     an emulator or a private endpoint
  --ca FILE          trust the certificate authority in this PEM file too
  --out FOLDER       where assets.jsonl and rejected.jsonl go (default: out)

The credential is the first of: AZURE_STORAGE_SAS_TOKEN; AZURE_CLIENT_ID with
AZURE_CLIENT_SECRET; AZURE_FEDERATED_TOKEN_FILE; the Azure CLI.";

#[derive(Default)]
struct Arguments {
    folder: Option<PathBuf>,
    account: Option<String>,
    container: String,
    prefix: String,
    tenant: Option<String>,
    endpoint: Option<String>,
    ca: Option<PathBuf>,
    out: Option<PathBuf>,
}

fn parse() -> Result<Option<Arguments>, Box<dyn Error>> {
    use lexopt::prelude::*;
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("account") => arguments.account = Some(parser.value()?.string()?),
            Long("container") => arguments.container = parser.value()?.string()?,
            Long("prefix") => arguments.prefix = parser.value()?.string()?,
            Long("tenant") => arguments.tenant = Some(parser.value()?.string()?),
            Long("endpoint") => arguments.endpoint = Some(parser.value()?.string()?),
            Long("ca") => arguments.ca = Some(parser.value()?.into()),
            Long("out") => arguments.out = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(None),
            Value(folder) if arguments.folder.is_none() => arguments.folder = Some(folder.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    match (&arguments.account, &arguments.folder) {
        (Some(_), Some(_)) => Err("a folder and an account exclude each other".into()),
        (None, _) if !arguments.container.is_empty() => Err("--container wants --account".into()),
        _ => Ok(Some(arguments)),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("sync: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sync: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let out = arguments.out.clone().unwrap_or_else(|| "out".into());
    std::fs::create_dir_all(&out)?;
    // Both live until the scan is done.
    let (_samples, _cloud);
    let (connection, store) = if arguments.account.is_some() {
        in_azure(&arguments)?
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
        let connection = cloud.connection().prefix(&arguments.prefix).build()?;
        let store = cloud.store(&connection)?;
        _cloud = cloud;
        (connection, store)
    };
    for warning in connection.warnings() {
        eprintln!("note: {warning}");
    }
    println!("container {}", connection.container_url());

    let (assets, rejected) = (out.join("assets.jsonl"), out.join("rejected.jsonl"));
    let sinks = (JsonLines::assets(&assets)?, JsonLines::rejections(&rejected)?);
    // Somebody is watching, so it gives up sooner than a service would.
    let scan = Scan::new(store, connection.prefix()).page_deadline(Duration::from_secs(20));
    let report = with_progress_bar(scan, sinks).await?;
    println!("{report}\n");
    for line in std::fs::read_to_string(&assets)?.lines().take(3) {
        println!("{line}");
    }
    println!("\nall of them: {}\nthe rejected: {}", assets.display(), rejected.display());
    Ok(())
}

fn in_azure(arguments: &Arguments) -> Result<(Connection, AzureStore), Box<dyn Error>> {
    let mut connection = Connection::builder("sync")
        .account(arguments.account.clone().unwrap_or_default())
        .container(&arguments.container)
        .prefix(&arguments.prefix);
    if let Some(endpoint) = &arguments.endpoint {
        connection = connection.cloud(Cloud::Custom(Endpoint::new(endpoint)?));
    }
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(tenant) = arguments.tenant.clone().or_else(|| variable("AZURE_TENANT_ID")) {
        connection = connection.tenant(tenant);
    }
    let connection = connection.build()?;
    let credential = if let Some(sas) = variable("AZURE_STORAGE_SAS_TOKEN") {
        Credential::Sas(sas.into())
    } else if let (Some(client_id), Some(secret)) =
        (variable("AZURE_CLIENT_ID"), variable("AZURE_CLIENT_SECRET"))
    {
        Credential::ClientSecret { client_id, secret: secret.into() }
    } else if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
        Credential::WorkloadIdentity
    } else {
        Credential::AzureCli
    };
    let mut store = AzureStore::builder(&connection);
    if let Some(ca) = &arguments.ca {
        store = store.certificate_authority(std::fs::read_to_string(ca)?);
    }
    Ok((connection, store.build(credential)?))
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
