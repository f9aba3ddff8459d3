//! A grant as text, in ten forms.
//!
//! Each form has a module that writes all steps of the pack. What the forms share is decided once:
//! `selection` says which assignments a step is about, `resource` what Azure Resource Manager receives,
//! `query` what the Azure CLI asks, and `about` what people read before a step.
//!
//! INVARIANT: the texts are tested byte by byte, and run by the real shells and by the Azure CLI. A change
//! of a text is a change for customers.

mod about;
mod az_powershell;
mod bash;
mod cmd;
mod part;
mod portal;
mod powershell;
mod query;
mod resource;
mod rest;
mod selection;
mod template;
mod terraform;
mod windows;

use super::{Form, Grant, Pack};
use crate::name::{Field, InvalidName};

impl Grant {
    /// Returns everything to apply, check, change and revoke the grant, in one form.
    ///
    /// Files come before the commands that use them, and each part has words to read first.
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
    /// let pack = grant.pack(Form::AzBash)?;
    /// let apply = pack.step(Step::Apply).ok_or("every form has this step")?;
    /// assert!(apply.contains("az role assignment create"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidName`] if the form cannot express a value, for example a prefix with a double quote in a
    /// command for Windows. The hint of the error names a form that can.
    pub fn pack(&self, form: Form) -> Result<Pack, InvalidName> {
        let mut parts = match form {
            Form::Portal => portal::parts(self),
            Form::AzBash => bash::parts(self),
            Form::AzPowerShell => az_powershell::parts(self)?,
            Form::AzCmd => cmd::parts(self)?,
            Form::PowerShell => powershell::parts(self),
            Form::Arm => template::arm(self),
            Form::Bicep => template::bicep(self),
            Form::TerraformAzurerm => terraform::azurerm(self)?,
            Form::TerraformAzapi => terraform::azapi(self)?,
            Form::Rest => rest::parts(self),
            Form::Other => {
                let rule = "this version of the crate does not know the form";
                return Err(InvalidName::new(Field::Form, form.as_str(), rule));
            }
        };
        // In the order of use; within a step, files come first.
        parts.sort_by_key(|part| (part.step, part.file.is_none()));
        // A form may have added words of its own, such as how to confirm; the general words come
        // first.
        for part in parts.iter_mut().filter(|part| part.file.is_none()) {
            let about = about::about(self, part.step, form);
            part.about =
                if part.about.is_empty() { about } else { format!("{about} {}", part.about) };
        }
        Ok(Pack { form, parts })
    }
}
