//! The Azure CLI in bash, zsh, Git Bash and the Cloud Shell.
//!
//! Each block is one subshell: it stops at the first command that fails, its exit status says whether all
//! commands succeeded, and it never closes the shell that it is pasted into. The blocks have no comments,
//! because an interactive zsh does not accept them.
//!
//! `block` starts and ends a block, `assign` and `remove` have the steps, `deploy` has those of templates and
//! of Terraform, which the Azure CLI runs too.

mod assign;
mod block;
mod cors;
mod deploy;
mod remove;

use self::block::Block;
pub(super) use self::deploy::{deploy, terraform, terraform_destroy};
use super::super::{Grant, Part, Step};

/// Returns all parts of the pack.
pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let mut parts = vec![
        principal(grant),
        assign::apply(grant),
        assign::read_back(grant),
        assign::change(grant, Step::Update),
        assign::change(grant, Step::Replace),
        remove::revoke(grant),
        remove::end_shared(grant),
    ];
    parts.extend(cors::cors(grant));
    parts
}

/// Creates the service principal, unless it exists.
///
/// Needs no subscription, but selects it like all other steps, so that a wrong sign-in shows first.
fn principal(grant: &Grant) -> Part {
    let mut block = Block::new(grant);
    let id = grant.application();
    block.find_principal(grant);
    block.line("if [ -n \"$OID\" ]; then");
    block.line("  echo 'The service principal already exists.'");
    block.line("else");
    // Creates the service principal of a multi-tenant application in this directory. The
    // application itself stays in its own tenant.
    block.line(format!("  az ad sp create --id {id} --output none"));
    block.line("  echo 'The service principal was created.'");
    block.line("fi");
    block.end(Step::Principal)
}

/// Returns some steps of the pack, for forms that leave these steps to the Azure CLI.
pub(super) fn by_az(grant: &Grant, steps: &[Step]) -> Vec<Part> {
    let mut parts = parts(grant);
    parts.retain(|part| steps.contains(&part.step));
    parts
}
