//! A probe recognizes each shape of a grant, and a grant that was applied.

use std::time::Duration;

use azure_asset_sync::{
    condition::{Limit, Role},
    grant::{Form, Grant},
    probe::{Cause, Check, Confidence, SeenShape, WizardStep},
    testing::Assignment,
};

use super::{builder, probe_of, reader};

#[tokio::test]
async fn each_shape_of_a_grant_is_recognized() {
    let limit = || Limit::container(&"assets".parse().unwrap());
    let tight = limit().prefix(&"hall-3/".parse().unwrap()).condition().unwrap();
    let wide = limit().condition().unwrap();
    let key = || Assignment::new(Role::BlobDelegator);
    use Check::{ListContainers, OtherList, OtherRead, OutsidePrefix};
    let rows: [(Vec<Assignment>, SeenShape, Vec<Check>); 6] = [
        (vec![reader().condition(tight)], SeenShape::AccountWithCondition, vec![ListContainers]),
        (
            vec![reader().condition(wide)],
            SeenShape::AccountWithCondition,
            vec![OutsidePrefix, ListContainers],
        ),
        (vec![reader().on_container("assets")], SeenShape::Container, vec![OutsidePrefix]),
        (
            vec![reader().on_container("assets"), key()],
            SeenShape::ContainerAndDelegator,
            vec![OutsidePrefix],
        ),
        (
            vec![Assignment::data_only().on_container("assets")],
            SeenShape::Container,
            vec![OutsidePrefix],
        ),
        (
            vec![reader()],
            SeenShape::AccountUnlimited,
            vec![OtherList, OtherRead, OutsidePrefix, ListContainers],
        ),
    ];
    for (assignments, shape, wider) in rows {
        let mut builder = builder().without_assignments();
        for assignment in &assignments {
            builder = builder.assignment(assignment.clone());
        }
        let cloud = builder.start().await.unwrap();
        let health = probe_of(&cloud, "hall-3/").1.least_privilege().run().await;
        assert!(health.is_ready(), "{health}");
        let seen = health.privileges.as_ref().unwrap();
        assert_eq!((seen.shape, &seen.wider), (shape, &wider), "{assignments:?}");
        assert!(seen.unknown.is_empty(), "{health}");
        let broad = health.warnings().any(|warning| warning.cause == Cause::BroadAccess);
        assert_eq!(broad, shape == SeenShape::AccountUnlimited, "{health}");
    }
}

#[tokio::test]
async fn an_applied_grant_is_recognized() {
    let cloud = builder().without_assignments().start().await.unwrap();
    let (connection, probe) = probe_of(&cloud, "hall-3/");
    let grant = |principal: Option<&str>| {
        let mut grant = Grant::builder(&connection)
            .subscription("11111111-2222-3333-4444-555555555555")
            .resource_group("vision")
            .application(cloud.client_id());
        if let Some(id) = principal {
            grant = grant.principal(id);
        }
        grant.build().unwrap()
    };
    // Without an assignment the remedy contains the exact command.
    let health = probe.clone().grant(&grant(None), Form::AzBash).run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!((diagnosis.cause, diagnosis.redo()), (Cause::AccessMissing, WizardStep::AssignRole));
    let command = diagnosis.command.unwrap();
    assert!(command.contains("az role assignment create"), "{command}");
    let pack = grant(None).pack(Form::AzBash).unwrap();
    assert_eq!(command, pack.step(azure_asset_sync::grant::Step::Apply).unwrap().trim());

    // The grant is for another principal than the one that signs in.
    let stranger = "77777777-7777-4777-8777-777777777777";
    let health = probe.clone().grant(&grant(Some(stranger)), Form::AzBash).run().await;
    let diagnosis = health.diagnosis.unwrap();
    assert_eq!(
        (diagnosis.cause, diagnosis.confidence),
        (Cause::WrongPrincipal, Confidence::Certain)
    );

    let right = grant(Some(cloud.object_id()));
    cloud.apply(&right, Duration::ZERO);
    let health = probe.grant(&right, Form::AzBash).least_privilege().run().await;
    assert!(health.is_ready(), "{health}");
    assert_eq!(health.privileges.unwrap().shape, SeenShape::AccountWithCondition);
    assert_eq!(health.object_id.as_deref(), Some(cloud.object_id()));
    assert_eq!(health.tenant.as_deref(), Some(cloud.tenant()));
}
