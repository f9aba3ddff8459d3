//! rclone, which is a program: its own costs are measured, and those of reading its output are not.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use azure_asset_sync_peers::{ACCOUNT, CONTAINER, Error, SIGNATURE, Tally};

/// Lists with rclone.
pub fn list(url: &str) -> Result<Tally, Error> {
    let mut child = Command::new("rclone")
        .args(["lsf", "--recursive", "--files-only", "--fast-list"])
        .args(["--format", "sp", "--separator", " ", "--config", "/dev/null"])
        .args(["--azureblob-sas-url", &format!("{url}/{ACCOUNT}/{CONTAINER}?{SIGNATURE}")])
        .arg(format!(":azureblob:{CONTAINER}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut tally = Tally::default();
    let out = child.stdout.take().ok_or("the output of rclone is not piped")?;
    for line in BufReader::new(out).lines() {
        let line = line?;
        let (size, name) =
            line.split_once(' ').ok_or("rclone printed a line without a size and a name")?;
        tally.add(name, size.parse()?);
    }
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("rclone failed: {status}").into());
    }
    Ok(tally)
}
