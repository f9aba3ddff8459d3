//! `--dry-run`: what a sync would find. Nothing is written.

use std::error::Error;

use azure_asset_sync::{Preview, Scan};

use crate::terminal::say;

/// Prints counts, samples, and the number of requests that a sync would take.
pub async fn print(scan: Scan) -> Result<(), Box<dyn Error>> {
    let report = Preview::new(scan).run().await?;
    say!("{report}\n\nnothing was written, and no content was read")?;
    Ok(())
}
