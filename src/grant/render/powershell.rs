//! The Az module of PowerShell.

use super::{
    super::{Grant, Part, RoleAssignment, Step, quote::powershell as quoted},
    API, EXPOSED, commands, custom_role, role_file, role_resource,
};

pub(super) fn parts(grant: &Grant) -> Vec<Part> {
    let application = &grant.application;
    let find = match &grant.principal {
        Some(id) => format!("$OID = '{id}'"),
        None => format!("$OID = (Get-AzADServicePrincipal -ApplicationId '{application}').Id"),
    };
    let existing = |assignment: &RoleAssignment| {
        format!(
            "Get-AzRoleAssignment -ObjectId $OID -RoleDefinitionId '{}' -Scope {} | Where-Object Scope -eq {}",
            assignment.role_id,
            quoted(&assignment.scope),
            quoted(&assignment.scope)
        )
    };
    let principal = vec![
        format!("Set-AzContext -Subscription '{}' | Out-Null", grant.subscription),
        format!(
            "if (-not (Get-AzADServicePrincipal -ApplicationId '{application}')) {{ New-AzADServicePrincipal -ApplicationId '{application}' }}"
        ),
    ];
    let mut apply = vec![find.clone()];
    let mut read_back = vec![find.clone()];
    let mut update = vec![find.clone()];
    let mut revoke = vec![find];
    let mut parts = Vec::from_iter(role_file(grant));
    if let Some((assignment, _)) = custom_role(grant) {
        let path = format!("{}?api-version={API}", role_resource(grant, assignment));
        apply.push(format!(
            "Invoke-AzRestMethod -Method PUT -Path {} -Payload (Get-Content -Raw role.json)",
            quoted(&path)
        ));
    }
    for assignment in &grant.assignments {
        let role = format!("-RoleDefinitionId '{}'", assignment.role_id);
        let found = existing(assignment);
        let mut new = format!(
            "New-AzRoleAssignment -ObjectId $OID -ObjectType ServicePrincipal {role} -Scope {} -Description {}",
            quoted(&assignment.scope),
            quoted(&assignment.description)
        );
        let name = &assignment.role_name;
        let wrong = format!("Write-Error '{name}: missing, or with another condition'");
        if let Some(condition) = &assignment.condition {
            let condition = quoted(&condition.to_string());
            new.push_str(&format!(" -Condition {condition} -ConditionVersion '2.0'"));
            read_back.push(format!(
                "if (({found}).Condition -ceq {condition}) {{ '{name}: as meant' }} else {{ {wrong} }}"
            ));
            update.extend([
                format!("$assignment = {found}"),
                format!("$assignment.Condition = {condition}"),
                "$assignment.ConditionVersion = '2.0'".to_owned(),
                "Set-AzRoleAssignment -InputObject $assignment -PassThru".to_owned(),
            ]);
        } else {
            read_back.push(format!("if ({found}) {{ '{name}: as meant' }} else {{ {wrong} }}"));
        }
        apply.push(format!("if (-not ({found})) {{ {new} }}"));
        revoke.push(format!("{found} | Remove-AzRoleAssignment"));
    }
    if update.len() == 1 {
        update =
            vec!["# nothing to change: no assignment of this grant has a condition".to_owned()];
    }
    revoke.push("# only where no other grant is for this application".to_owned());
    revoke.push(format!("Remove-AzADServicePrincipal -ApplicationId '{application}'"));
    parts.extend([
        commands(Step::Principal, principal),
        commands(Step::Apply, apply),
        commands(Step::ReadBack, read_back),
        commands(Step::Update, update),
        commands(Step::Revoke, revoke),
    ]);
    if let Some(origin) = &grant.origin {
        let account = grant.connection.account();
        let origin = quoted(origin);
        let lines = vec![
            format!(
                "$context = New-AzStorageContext -StorageAccountName '{account}' -UseConnectedAccount"
            ),
            "$rules = @(Get-AzStorageCORSRule -ServiceType Blob -Context $context)".to_owned(),
            format!(
                "if (-not ($rules | Where-Object AllowedOrigins -contains {origin})) {{ Set-AzStorageCORSRule -ServiceType Blob -Context $context -CorsRules ($rules + @{{ AllowedOrigins = @({origin}); AllowedMethods = @('Get', 'Head', 'Options'); AllowedHeaders = @('*'); ExposedHeaders = @('{}'); MaxAgeInSeconds = 3600 }}) }}",
                EXPOSED.join("', '")
            ),
        ];
        parts.push(commands(Step::Cors, lines));
    }
    parts
}
