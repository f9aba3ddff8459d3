//! A grant on a customer's machine, and the expected state of Azure after it is applied.

use azure_asset_sync::{
    Connection,
    grant::{Form, Grant, GrantBuilder, Pack, Shape, Step},
};
use serde_json::{Value, json};

use super::{
    fake::{ACCOUNT, APPLICATION, Assignment, Directory, GROUP, PRINCIPAL, Role, SUBSCRIPTION},
    machine::{Machine, Outcome, Shell},
};

pub const ORIGIN: &str = "https://app.contoso.com";

/// A prefix with quotes, a non-ASCII character, and characters that shells expand.
pub const PREFIX: &str = "it\u{2019}s $HOME !!/";

/// The steps of a customer, in their order.
pub const STEPS: [Step; 4] = [Step::Principal, Step::Apply, Step::Cors, Step::ReadBack];

pub fn connection(container: &str, prefix: &str) -> Connection {
    let builder = Connection::builder("a").account(ACCOUNT).container(container).prefix(prefix);
    builder.build().unwrap()
}

pub fn builder(connection: &Connection, shape: Shape) -> GrantBuilder {
    Grant::builder(connection)
        .subscription(SUBSCRIPTION)
        .resource_group(GROUP)
        .application(APPLICATION)
        .origin(ORIGIN)
        .shape(shape)
}

pub struct Case<'a> {
    pub machine: &'a Machine,
    pub shell: Shell,
    pub grant: Grant,
    pub pack: Pack,
}

impl<'a> Case<'a> {
    /// Returns a grant for the blobs of a container whose names start with a prefix.
    pub fn new(machine: &'a Machine, shape: Shape, container: &str, prefix: &str) -> Self {
        Self::of(machine, builder(&connection(container, prefix), shape))
    }

    pub fn of(machine: &'a Machine, builder: GrantBuilder) -> Self {
        Self::in_form(machine, builder, Form::AzBash, Shell::Bash)
    }

    pub fn in_form(machine: &'a Machine, builder: GrantBuilder, form: Form, shell: Shell) -> Self {
        let grant = builder.build().unwrap();
        let pack = grant.pack(form).unwrap();
        Self { machine, shell, grant, pack }
    }

    /// Pastes the text of a step into the shell.
    pub fn run(&self, step: Step) -> Outcome {
        self.answer(step, "")
    }

    /// Pastes the text of a step, and an answer to each of its questions.
    pub fn answer(&self, step: Step, answers: &str) -> Outcome {
        self.machine.save_files(&self.pack);
        let text = self.pack.step(step).unwrap_or_else(|| panic!("no text for {step:?}"));
        self.machine.paste(self.shell, &format!("{text}\n{answers}"))
    }

    /// Runs all steps.
    #[track_caller]
    pub fn apply(&self) {
        for step in STEPS {
            self.run(step).succeeded();
        }
    }

    /// Returns the expected directory after the grant is applied.
    ///
    /// The descriptions of custom roles are empty.
    pub fn applied_to(&self, mut before: Directory) -> Directory {
        if !before.principals.iter().any(|principal| principal.id == PRINCIPAL) {
            before.add_principal(APPLICATION);
        }
        for meant in self.grant.assignments() {
            if self.grant.shape() == Shape::CustomRole {
                before.roles.push(custom_role(&meant.role_id, &meant.role_name));
            }
            before.assignments.push(Assignment {
                name: meant.name.clone(),
                scope: meant.scope.clone(),
                role: meant.role_id.clone(),
                principal: PRINCIPAL.to_owned(),
                principal_type: "ServicePrincipal".to_owned(),
                description: Some(meant.description.clone()),
                condition: meant.condition.as_ref().map(ToString::to_string),
                condition_version: meant.condition.as_ref().map(|_| "2.0".to_owned()),
            });
        }
        rules(&mut before).push(rule());
        before
    }
}

/// Returns the custom role with its single data action, assignable in the group.
fn custom_role(id: &str, name: &str) -> Role {
    Role {
        id: id.to_owned(),
        name: name.to_owned(),
        custom: true,
        description: String::new(),
        permissions: json!([{
            "actions": [],
            "notActions": [],
            "dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"],
            "notDataActions": [],
        }]),
        assignable_scopes: vec![format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}")],
    }
}

/// Returns a directory without the descriptions of custom roles.
pub fn without_descriptions(applied: &Directory) -> Directory {
    let mut applied = applied.clone();
    for role in &mut applied.roles {
        role.description.clear();
    }
    applied
}

/// Returns the CORS rules of the account.
pub fn rules(directory: &mut Directory) -> &mut Vec<Value> {
    directory.account().blob_service["cors"]["corsRules"].as_array_mut().unwrap()
}

/// Returns the CORS rule that a grant adds.
pub fn rule() -> Value {
    json!({
        "allowedOrigins": [ORIGIN],
        "allowedMethods": ["GET", "HEAD", "OPTIONS"],
        "allowedHeaders": ["*"],
        "exposedHeaders": ["Accept-Ranges", "Content-Length", "Content-Range", "ETag"],
        "maxAgeInSeconds": 3600,
    })
}
