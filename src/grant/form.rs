//! The forms of a pack, its steps and its parts.
//!
//! A [`Pack`] is what a customer receives: parts in the order of their use, each with words to read first
//! and a text to paste, save or follow.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::coded::coded_enum;

coded_enum! {
    /// The form in which a grant is written.
    ///
    /// All forms have the same steps and the same effect. They differ in the tool that the customer uses.
    ///
    /// | the customer | form |
    /// | --- | --- |
    /// | has a browser only | [`Portal`](Self::Portal), or [`AzBash`](Self::AzBash) in the Cloud Shell |
    /// | works on Linux or macOS | [`AzBash`](Self::AzBash) |
    /// | works on Windows | [`PowerShell`](Self::PowerShell), [`AzPowerShell`](Self::AzPowerShell) or [`AzCmd`](Self::AzCmd) |
    /// | keeps infrastructure as code | [`Arm`](Self::Arm), [`Bicep`](Self::Bicep), [`TerraformAzurerm`](Self::TerraformAzurerm) or [`TerraformAzapi`](Self::TerraformAzapi) |
    /// | has tools of their own | [`Rest`](Self::Rest) |
    ///
    /// The forms for Windows cannot express every prefix, because `az` is a batch file there.
    /// [`Grant::pack`](super::Grant::pack) then fails and names a form that can.
    pub enum Form by as_str {
        /// Steps to follow in the Azure portal.
        Portal = "portal",
        /// The Azure CLI in bash, zsh, Git Bash or the Cloud Shell.
        AzBash = "az-bash",
        /// The Azure CLI in PowerShell.
        AzPowerShell = "az-powershell",
        /// The Azure CLI at the prompt of cmd.
        AzCmd = "az-cmd",
        /// The Az module of PowerShell.
        PowerShell = "powershell",
        /// A template of Azure Resource Manager (ARM), in JSON.
        Arm = "arm",
        /// A Bicep template.
        Bicep = "bicep",
        /// Terraform with the providers azurerm and azuread.
        TerraformAzurerm = "terraform-azurerm",
        /// Terraform with the providers azapi and azuread.
        TerraformAzapi = "terraform-azapi",
        /// Requests to the REST APIs, to send with any HTTP client.
        Rest = "rest",
    }
}

coded_enum! {
    /// The purpose of a part of a pack.
    ///
    /// The order is that of use. A customer needs the first three to five; the others are for later.
    ///
    /// ```
    /// use azure_asset_sync::grant::Step;
    ///
    /// for step in Step::ALL {
    ///     println!("{step:?}: {}", step.title());
    /// }
    /// assert_eq!(Step::ReadBack.as_str(), "read-back");
    /// ```
    pub enum Step by as_str {
        /// Creates the service principal in the customer's tenant.
        Principal = "principal",
        /// Assigns the roles. A second run changes nothing, and the step stops at an assignment of another
        /// grant.
        Apply = "apply",
        /// Adds the CORS rule with which browsers can play videos. A second run changes nothing.
        Cors = "cors",
        /// Compares what Azure has with the grant, and fails if anything differs. Changes nothing.
        ReadBack = "read-back",
        /// Changes assignments of this grant, or of an earlier grant that it replaces, to what the grant
        /// intends now.
        Update = "update",
        /// Replaces the assignment of another grant. Asks before it changes anything.
        Replace = "replace",
        /// Removes what only this grant uses, and fails if anything of it remains.
        Revoke = "revoke",
        /// Ends what other grants use too. Asks before each command.
        EndShared = "end-shared",
    }
}

impl Step {
    /// Returns a heading for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Principal => "create the service principal",
            Self::Apply => "assign the role",
            Self::Cors => "let browsers play videos",
            Self::ReadBack => "read back what Azure has",
            Self::Update => "change the condition later",
            Self::Replace => "replace another grant's assignment",
            Self::Revoke => "revoke",
            Self::EndShared => "end what other grants use too",
            Self::Other => "a step of a newer version",
        }
    }
}

/// A text to run, to save or to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Part {
    /// The step that the part belongs to.
    pub step: Step,
    /// The file name to save the text under, if it is a file that the commands of the step use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Cow<'static, str>>,
    /// An explanation to read before, not to paste: what the text does, which right it needs, and what
    /// cannot be undone.
    pub about: String,
    /// The text itself.
    pub text: String,
}

/// Everything that a customer needs for a grant, in one form.
///
/// [`Grant::pack`](super::Grant::pack) returns it. Its [`Display`](fmt::Display) is Markdown with a
/// heading for each part and a fenced block for each text.
///
/// ```
/// use azure_asset_sync::{Connection, grant::{Form, Grant, Step}};
///
/// # let connection =
/// #     Connection::builder("hall 3").account("contosovision").container("training").build()?;
/// # let grant = Grant::builder(&connection)
/// #     .subscription("11111111-2222-3333-4444-555555555555")
/// #     .resource_group("vision")
/// #     .application("99999999-8888-7777-6666-555555555555")
/// #     .build()?;
/// let pack = grant.pack(Form::Bicep)?;
/// let template = pack.file("grant.bicep").ok_or("the form has this file")?;
/// assert!(template.contains("Microsoft.Authorization/roleAssignments"));
/// assert!(pack.step(Step::Revoke).is_some());
/// assert!(pack.step(Step::Cors).is_none(), "the grant has no origin");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Pack {
    /// The form of the texts.
    pub form: Form,
    /// The parts, in the order of their use. Files come before the commands that use them.
    pub parts: Vec<Part>,
}

impl Pack {
    /// Returns the commands of a step, without its files.
    ///
    /// Returns `None` if the grant does not need the step, for example CORS without an origin.
    pub fn step(&self, step: Step) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.step == step && part.file.is_none());
        part.map(|part| part.text.as_str())
    }

    /// Returns the content of a file, for example `role.json`.
    pub fn file(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.file.as_deref() == Some(name));
        part.map(|part| part.text.as_str())
    }
}

impl fmt::Display for Pack {
    /// Writes the pack as Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts.iter().enumerate() {
            // A blank line between parts, but none at the start.
            if n > 0 {
                f.write_str("\n")?;
            }
            match &part.file {
                Some(file) => writeln!(f, "## {}: save as {file}\n", part.step.title())?,
                None => writeln!(f, "## {}\n", part.step.title())?,
            }
            if !part.about.is_empty() {
                writeln!(f, "{}\n", part.about)?;
            }
            match fence(self.form, part) {
                Some(language) => writeln!(f, "```{language}\n{}\n```", part.text.trim_end())?,
                None => writeln!(f, "{}", part.text.trim_end())?,
            }
        }
        Ok(())
    }
}

/// Returns the language of a fenced block, or `None` for steps that people follow.
fn fence(form: Form, part: &Part) -> Option<&'static str> {
    // A file has the language of its extension, whatever the form.
    match part.file.as_deref().and_then(|name| name.rsplit('.').next()) {
        Some("json") => return Some("json"),
        Some("bicep") => return Some("bicep"),
        Some("tf") => return Some("terraform"),
        _ => {}
    }
    match form {
        Form::Portal => None,
        Form::Rest => Some("http"),
        Form::PowerShell | Form::AzPowerShell => Some("powershell"),
        Form::AzCmd => Some("bat"),
        _ => Some("bash"),
    }
}
