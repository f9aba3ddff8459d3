//! Codes: each enum with a code parses it, and reads what a newer version wrote as `Other`.

use std::{fmt::Debug, str::FromStr};

use azure_asset_sync::{
    Detail, Error, ErrorKind, Kind, Reason, UnknownCode,
    condition::{Rule, ScopeLevel, Severity},
    grant::{Decision, Form, Shape, Sharing, Step},
    lifecycle::{Event, State},
    name::Field,
    probe::{Cause, Check, Confidence, EndReason, Layer, Outcome, Outlook, Tier},
    store::Unreadable,
    sync::Phase,
    validate::Action,
};
use serde::{Serialize, de::DeserializeOwned};

/// What an enum with codes can do.
trait Coded: Copy + Debug + PartialEq + Serialize + DeserializeOwned {}

impl<T: Copy + Debug + PartialEq + Serialize + DeserializeOwned> Coded for T {}

/// Checks all codes of an enum; `other` is `None` if it is closed.
fn check<T: Coded + FromStr<Err = UnknownCode>>(
    all: &[T],
    code: fn(T) -> &'static str,
    other: Option<T>,
) {
    assert!(!all.is_empty());
    for &value in all {
        let text = code(value);
        assert_eq!(text.parse::<T>().as_ref(), Ok(&value));
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
    }
    for unknown in ["a_value_of_2030", "", "other", "Draft"] {
        let error = unknown.parse::<T>().unwrap_err();
        assert!(error.to_string().contains(code(all[0])), "{error}");
        assert_eq!(error.known().len(), all.len());
        let read = serde_json::from_value::<T>(unknown.into());
        match other {
            Some(other) => assert_eq!(read.unwrap(), other, "{unknown}"),
            None => assert_eq!(read.unwrap_err().to_string(), error.to_string(), "{unknown}"),
        }
    }
    if let Some(other) = other {
        assert_eq!(
            serde_json::from_str::<T>(&serde_json::to_string(&other).unwrap()).unwrap(),
            other
        );
    }
    assert!(serde_json::from_str::<T>("7").is_err(), "a number is no code");
}

#[test]
fn every_code_is_parsed_and_an_unknown_one_is_other_or_refused() {
    check(State::ALL, State::as_str, Some(State::Other));
    check(Event::ALL, Event::as_str, Some(Event::Other));
    check(Reason::ALL, Reason::as_str, Some(Reason::Other));
    check(Kind::ALL, Kind::as_str, Some(Kind::Other));
    check(Unreadable::ALL, Unreadable::as_str, Some(Unreadable::Other));
    check(ErrorKind::ALL, ErrorKind::as_str, Some(ErrorKind::Other));
    check(Detail::ALL, Detail::as_str, Some(Detail::Other));
    check(Cause::ALL, Cause::as_str, Some(Cause::Other));
    check(Check::ALL, Check::as_str, Some(Check::Other));
    check(Field::ALL, Field::as_str, Some(Field::Other));
    check(Rule::ALL, Rule::id, Some(Rule::Other));
    check(Severity::ALL, Severity::as_str, Some(Severity::Other));
    check(Decision::ALL, Decision::as_str, Some(Decision::Other));
    check(Form::ALL, Form::as_str, Some(Form::Other));
    check(Step::ALL, Step::as_str, Some(Step::Other));
    check(Sharing::ALL, Sharing::as_str, Some(Sharing::Other));
    check(Shape::ALL, Shape::as_str, None);
    check(Action::ALL, Action::as_str, None);
    check(ScopeLevel::ALL, ScopeLevel::as_str, None);
}

#[test]
fn enums_without_codes_read_a_newer_value_as_other() {
    fn is_other<T: Coded>(other: T) {
        let json = serde_json::json!("a_value_of_2030");
        assert_eq!(serde_json::from_value::<T>(json).unwrap(), other);
        let json = serde_json::to_value(other).unwrap();
        assert_eq!(serde_json::from_value::<T>(json).unwrap(), other);
    }
    is_other(Outlook::Other);
    is_other(Outcome::Other);
    is_other(Confidence::Other);
    is_other(Layer::Other);
    is_other(Tier::Other);
    is_other(EndReason::Other);
    is_other(Phase::Other);
    assert!(Confidence::Other < Confidence::Possible, "what is not known is the least certain");
}

#[test]
fn an_unknown_text_that_may_be_a_secret_is_not_shown() {
    let secret = "sv=2026-02-06&sig=Zm9vYmFyZm9vYmFyZm9vYmFy";
    let error = secret.parse::<State>().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("Zm9v"), "{error:?}");
    assert!(
        serde_json::from_value::<Shape>(secret.into()).unwrap_err().to_string().contains("one of")
    );
}

#[test]
fn an_error_is_stored_with_its_kind_text_and_causes() {
    let error = Error::from_response(403, Some("AuthorizationFailure"))
        .with_request_id("3f25")
        .with_detail(Detail::BlobService)
        .with_retry_after(std::time::Duration::from_millis(1_500))
        .with_source(Error::new(ErrorKind::Sink, "disk full").with_source("quota"));
    let json = serde_json::to_value(&error).unwrap();
    assert_eq!(json["kind"], "permission_denied");
    assert_eq!(json["retry_after"], "PT1.5S");
    assert_eq!(json["source"], "disk full: quota");
    let again: Error = serde_json::from_value(json.clone()).unwrap();
    assert_eq!((again.kind(), again.to_string()), (error.kind(), error.to_string()));
    assert_eq!((again.detail(), again.retry_after()), (error.detail(), error.retry_after()));
    assert_eq!(serde_json::to_value(&again).unwrap(), json);
    // A kind, a detail and a field of a newer version.
    let newer = r#"{"kind":"melted","message":"too hot","detail":"core","degrees":900}"#;
    let newer: Error = serde_json::from_str(newer).unwrap();
    assert_eq!((newer.kind(), newer.detail()), (ErrorKind::Other, Some(Detail::Other)));
    assert!(!newer.is_transient());
}
