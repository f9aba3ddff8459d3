use std::fmt;

/// The form in which a grant is written
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// Steps in the Azure portal
    Portal,
    /// The Azure CLI in bash, zsh or the Cloud Shell
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
    /// Requests of the REST APIs
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
    /// Assign the roles; a second run changes nothing
    Apply,
    /// Let browsers play videos
    Cors,
    /// Compare what Azure has with what was meant: tools keep an old condition without a word
    ReadBack,
    /// Put a changed condition in the place of the old one
    Update,
    /// Take everything away
    Revoke,
}

impl Step {
    /// What it is, as a heading
    pub fn title(self) -> &'static str {
        match self {
            Self::Principal => "create the service principal",
            Self::Apply => "assign the role",
            Self::Cors => "let browsers play videos",
            Self::ReadBack => "read back what Azure has",
            Self::Update => "change the condition later",
            Self::Revoke => "revoke",
        }
    }
}

/// A piece of text to run, to save or to follow
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// What it is for
    pub step: Step,
    /// The name to save it under, where it is a file that other parts use
    pub file: Option<&'static str>,
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
            writeln!(f, "{}", part.text.trim_end())?;
        }
        Ok(())
    }
}
