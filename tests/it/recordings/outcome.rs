//! Describes the crate's result for a response in one line, in the format of the expectations.

use azure_asset_sync::{Diagnosis, Error, ErrorKind, probe::Confidence};

pub fn of_error(error: &Error) -> String {
    let diagnosis = Diagnosis::of(error);
    let detail = error.detail().map(|detail| format!("{detail:?}"));
    assert_eq!(
        error.is_in_sign_in(),
        error.to_string().contains("sign in: "),
        "the message of {error:?} does not say where it arose"
    );
    format!(
        "{} {} {} {} {} {} {}",
        error.kind().as_str(),
        error.status().map_or("-".to_owned(), |status| status.to_string()),
        error.code().unwrap_or("-"),
        detail.as_deref().unwrap_or("-"),
        if error.is_transient() { "transient" } else { "final" },
        if error.request_id().is_some() { "id" } else { "no-id" },
        of_diagnosis(&diagnosis),
    )
}

pub fn of_diagnosis(diagnosis: &Diagnosis) -> String {
    let confidence = of_confidence(diagnosis.confidence);
    match &diagnosis.evidence.action {
        Some(action) => format!("{} {confidence} {action}", diagnosis.cause),
        None => format!("{} {confidence}", diagnosis.cause),
    }
}

fn of_confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Possible => "possible",
        Confidence::Likely => "likely",
        Confidence::Certain => "certain",
        _ => "other",
    }
}

pub fn of_tenant(
    found: &Result<azure_asset_sync::TenantId, Error>,
    challenge: &str,
) -> &'static str {
    match found {
        Ok(tenant) => {
            assert!(challenge.contains(tenant.as_str()), "{tenant} is not of {challenge}");
            "tenant"
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::TenantNotFound, "{error}");
            "no-tenant"
        }
    }
}
