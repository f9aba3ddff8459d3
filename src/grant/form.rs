//! The forms of a pack, its steps and its parts.

use std::fmt;

/// The form in which a grant is written
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// Steps in the Azure portal
    Portal,
    /// The Azure CLI in bash, zsh, Git Bash or the Cloud Shell
    AzBash,
    /// The Azure CLI in PowerShell
    AzPowerShell,
    /// The Azure CLI at the prompt of cmd
    AzCmd,
    /// The Az module of PowerShell
    PowerShell,
    /// A template of Azure Resource Manager
    Arm,
    /// Bicep
    Bicep,
    /// Terraform, with the providers azurerm and azuread
    TerraformAzurerm,
    /// Terraform, with the providers azapi and azuread
    TerraformAzapi,
    /// Requests to the REST APIs
    Rest,
}

impl Form {
    /// All of them
    pub const ALL: &[Self] = &[
        Self::Portal,
        Self::AzBash,
        Self::AzPowerShell,
        Self::AzCmd,
        Self::PowerShell,
        Self::Arm,
        Self::Bicep,
        Self::TerraformAzurerm,
        Self::TerraformAzapi,
        Self::Rest,
    ];

    /// Its stable name, such as `az-bash`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portal => "portal",
            Self::AzBash => "az-bash",
            Self::AzPowerShell => "az-powershell",
            Self::AzCmd => "az-cmd",
            Self::PowerShell => "powershell",
            Self::Arm => "arm",
            Self::Bicep => "bicep",
            Self::TerraformAzurerm => "terraform-azurerm",
            Self::TerraformAzapi => "terraform-azapi",
            Self::Rest => "rest",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a part of a pack is for
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Create the service principal in the customer's tenant
    Principal,
    /// Assign the roles; a second run changes nothing, and another grant's assignment stops it
    Apply,
    /// Let browsers play videos; a second run changes nothing
    Cors,
    /// Compare what Azure has with what was meant; fails if anything differs
    ReadBack,
    /// Replace an older condition of this grant, or of an earlier grant that it replaces
    Update,
    /// Replace the assignment of another grant, knowingly: asks before it does anything
    Replace,
    /// Remove what only this grant uses; fails if anything of it stays
    Revoke,
    /// End what other grants use too: asks before each command
    EndShared,
}

impl Step {
    /// All of them, in the order in which they are used
    pub const ALL: &[Self] = &[
        Self::Principal,
        Self::Apply,
        Self::Cors,
        Self::ReadBack,
        Self::Update,
        Self::Replace,
        Self::Revoke,
        Self::EndShared,
    ];

    /// Its stable name, such as `read-back`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Apply => "apply",
            Self::Cors => "cors",
            Self::ReadBack => "read-back",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Revoke => "revoke",
            Self::EndShared => "end-shared",
        }
    }

    /// A heading for it
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
        }
    }
}

/// A piece of text to run, to save or to follow
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What it is for
    pub step: Step,
    /// The name to save it under, if it is a file that other parts use
    pub file: Option<&'static str>,
    /// What it does and what it costs, to read before the text: not for pasting
    pub about: String,
    /// The text
    pub text: String,
}

/// Everything that a customer needs for a grant, in one form
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pack {
    /// The form
    pub form: Form,
    /// The parts, in the order in which they are used
    pub parts: Vec<Part>,
}

impl Pack {
    /// The text of a step, without files
    pub fn step(&self, step: Step) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.step == step && part.file.is_none());
        part.map(|part| part.text.as_str())
    }

    /// The text of a file
    pub fn file(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.file == Some(name));
        part.map(|part| part.text.as_str())
    }
}

impl fmt::Display for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            match part.file {
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

/// The language of a text to paste or to save, which prints between fences; `None` for prose
fn fence(form: Form, part: &Part) -> Option<&'static str> {
    match part.file.and_then(|name| name.rsplit('.').next()) {
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
