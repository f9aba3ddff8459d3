//! The commands that deploy a template or a Terraform folder.
//!
//! Each looks first at what Azure has: a template or a Terraform resource with a new name would ask for a
//! second assignment of the same role, which Azure refuses.

use super::{
    super::{
        super::{Grant, Part, Sharing, Step, quote::bash as quoted},
        about,
        resource::custom_role,
        selection::{name_of, obsolete, obsolete_roles, own, shared, shared_or_earlier},
    },
    assign::{apply_one, is_usable, stop_at_another},
    block::{Block, role_list},
    remove::{NOTHING_LEFT, remove, remove_leftovers, remove_role, revoke_if_unused},
};

/// Deploys a template, if this grant may change the assignments that exist.
///
/// The names of existing assignments become parameters of the template, so that the deployment changes
/// them instead of asking for a second assignment of the same role.
///
/// For [`Step::Apply`], assignments that exist must already be as intended. For [`Step::Update`],
/// they must exist, and may be older versions of this grant.
pub(in super::super) fn deploy(grant: &Grant, step: Step, template: &str) -> Part {
    let mut block = Block::with_principal(grant);
    let mut names = String::new();
    for (n, assignment) in grant.assignments().iter().enumerate() {
        block.look(grant, assignment);
        block.line("if [ -z \"$STATE\" ]; then");
        match step {
            Step::Update => {
                let stop = about::missing(&name_of(assignment));
                block.line(format!("  grant_stop {}", quoted(&stop)));
            }
            _ => block.line(format!("  NAME{n}={}", assignment.name)),
        }
        block.line(format!("elif {}; then", is_usable(assignment)));
        block.line(format!("  NAME{n}=${{ID##*/}}"));
        if step == Step::Update && assignment.sharing != Sharing::Account {
            block
                .line("elif [ \"$IS\" = 'differs ours' ] || [ \"$IS\" = 'differs earlier' ]; then");
            block.line(format!("  NAME{n}=${{ID##*/}}"));
        }
        stop_at_another(&mut block, assignment);
        block.line("fi");
        names.push_str(&format!(" assignmentName{n}=\"$NAME{n}\""));
    }
    block.line(format!(
        // Mode Incremental is the default: the deployment removes nothing that the template does
        // not declare.
        "az deployment group create --resource-group {} --template-file {template} --parameters principalId=\"$OID\"{names} --output none",
        quoted(grant.resource_group())
    ));
    block.line("echo 'Deployed.'");
    if step == Step::Update {
        remove_leftovers(&mut block, grant);
    }
    block.end(step)
}

/// Applies with Terraform, unless Azure has an assignment that Terraform cannot manage.
///
/// The name is a part of what Terraform declares, so it cannot adopt an assignment with another name.
///
/// Terraform itself asks for a confirmation before it changes anything.
pub(in super::super) fn terraform(grant: &Grant, step: Step) -> Part {
    let mut block = Block::with_principal(grant);
    for assignment in own(grant) {
        let name = name_of(assignment);
        // An assignment with the name of `grant.tf` is one that Terraform created or can import.
        let another = format!("[ -n \"$STATE\" ] && [ \"${{ID##*/}}\" != {} ]", assignment.name);
        block.look(grant, assignment);
        // An update may find an assignment of an earlier grant, which Terraform replaces.
        block.line(match step {
            Step::Update => format!("if {another} && [ \"${{IS##* }}\" = foreign ]; then"),
            _ => format!("if {another}; then"),
        });
        block.show(assignment);
        let stop = format!(
            "{name}: the application already has this role here, under another name than the one in grant.tf, and Terraform cannot rename an assignment. If the assignment is this grant's, remove it with the step that revokes in the form for bash, and paste this again; if it belongs to another grant, make one grant for both connections"
        );
        block.line(format!("  grant_stop {}", quoted(&stop)));
        block.line("fi");
    }
    block.line("terraform init");
    // Without `-auto-approve`: the user sees the plan before it is applied.
    block.line("terraform apply");
    // Grants share this assignment, so Terraform must not own it: `destroy` would delete it.
    if let Some(assignment) = shared(grant) {
        apply_one(&mut block, grant, assignment);
    }
    if step == Step::Update {
        remove_leftovers(&mut block, grant);
    }
    block.end(step)
}

/// Destroys with Terraform, and reports what stays.
///
/// Terraform deletes what it created. What somebody created by hand, or another grant owns, stays
/// and is reported.
pub(in super::super) fn terraform_destroy(grant: &Grant) -> Part {
    let mut block = Block::with_principal(grant);
    block.line("terraform init");
    block.line("terraform destroy");
    // `destroy` succeeds even if its state was lost and nothing was deleted, so the block looks in Azure itself.
    block.line("LEFT=0");
    for assignment in own(grant) {
        block.look(grant, assignment);
        block.line("if [ -n \"$STATE\" ]; then");
        block.line("  LEFT=1");
        block.show(assignment);
        let kept = format!("KEPT: {}: still assigned, see above", name_of(assignment));
        block.line(format!("  echo {} >&2", quoted(&kept)));
        block.line("fi");
    }
    if let Some(assignment) = shared_or_earlier(grant) {
        revoke_if_unused(&mut block, grant, assignment);
    }
    for assignment in obsolete(grant) {
        remove(&mut block, grant, assignment);
    }
    for assignment in obsolete_roles(grant) {
        remove_role(&mut block, grant, assignment);
    }
    if let Some((assignment, _)) = custom_role(grant) {
        block.line(format!("ROLE=$({})", role_list(grant, assignment)));
        block.line(
            "if [ -n \"$ROLE\" ]; then LEFT=1; echo 'KEPT: the custom role is still there' >&2; fi",
        );
    }
    block.line(NOTHING_LEFT);
    block.end(Step::Revoke)
}
