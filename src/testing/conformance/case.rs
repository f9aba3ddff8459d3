//! The result of one rule of a suite.

/// One rule of a contract, and whether an implementation keeps it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Case {
    /// The name of the rule, as a sentence with underscores.
    pub name: &'static str,
    /// How the rule is broken, if it is; for an excepted rule, that it is not.
    pub outcome: Result<(), String>,
    /// For a rule that is excepted: the reason, and how the rule is broken.
    pub exception: Option<String>,
}

/// The result of checking a rule: how it is broken, if it is.
pub(super) type Outcome = Result<(), String>;

impl Case {
    /// Records the result of a rule.
    pub(super) fn new(name: &'static str, outcome: Outcome) -> Self {
        Self { name, outcome, exception: None }
    }
}

/// Excepts rules that an implementation is known to break, with the reason of each.
///
/// An excepted rule that is broken passes, with the reason in [`Case::exception`]. An excepted rule
/// that is kept fails, so that no exception outlives its reason, and so does an exception for a rule
/// that the suite does not have. [`Conformance::except`](super::Conformance::except) does the same
/// for the suite for stores.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use azure_asset_sync::{Error, testing::conformance::{check_sink, except}};
///
/// // `()` discards everything, so nothing can be read back.
/// let cases = check_sink(async |_| Ok(()), async |_| Ok::<_, Error>(Vec::new())).await;
/// let broken = cases.iter().filter(|case| case.outcome.is_err());
/// let known: Vec<_> = broken.map(|case| (case.name, "nothing is kept")).collect();
/// let cases = except(cases, known);
/// assert!(cases.iter().all(|case| case.outcome.is_ok()), "{cases:#?}");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn except<C: AsRef<str>, R: Into<String>>(
    mut cases: Vec<Case>,
    exceptions: impl IntoIterator<Item = (C, R)>,
) -> Vec<Case> {
    for (name, reason) in exceptions {
        let (name, reason) = (name.as_ref(), reason.into());
        match cases.iter_mut().find(|case| case.name == name) {
            Some(case) => {
                case.outcome = match case.outcome.clone() {
                    Err(broken) => {
                        case.exception = Some(format!("{reason}: {broken}"));
                        Ok(())
                    }
                    Ok(()) => Err(format!("the rule is kept; remove the exception: {reason}")),
                }
            }
            None => {
                let outcome = Err(format!("the suite has no rule `{name}`"));
                cases.push(Case::new("every_exception_is_of_a_rule", outcome));
            }
        }
    }
    cases
}

/// Fails with a description if a condition does not hold.
pub(super) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(otherwise()) }
}
