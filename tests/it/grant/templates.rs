//! Templates and requests are valid in their languages.

use azure_asset_sync::{
    Connection,
    grant::{Form, Grant, Shape, Step},
};
use serde_json::Value as Json;

use super::{ODD, builder, connection};

fn conditions(grant: &Grant) -> Vec<String> {
    let conditions = grant.assignments().iter().filter_map(|a| a.condition.as_ref());
    conditions.map(ToString::to_string).collect()
}

#[test]
fn templates_are_valid_in_their_languages() {
    for prefix in ODD {
        let connection = connection(prefix);
        for shape in Shape::ALL {
            let grant = builder(&connection).shape(*shape).build().unwrap();
            let wanted = conditions(&grant);
            assert_eq!(wanted.len(), 1, "{shape}");

            let arm: Json =
                serde_json::from_str(grant.pack(Form::Arm).unwrap().file("grant.json").unwrap())
                    .unwrap();
            let resources = arm["resources"].as_array().unwrap();
            let found: Vec<_> =
                resources.iter().filter_map(|r| r["properties"]["condition"].as_str()).collect();
            assert_eq!(found, wanted, "{prefix}");
            assert!(resources.iter().all(|r| r["apiVersion"] == "2022-04-01"));

            for form in [Form::TerraformAzurerm, Form::TerraformAzapi] {
                assert_eq!(terraform_conditions(&grant, form), wanted, "{form} {prefix}");
            }

            let pack = grant.pack(Form::Bicep).unwrap();
            let line = pack
                .file("grant.bicep")
                .unwrap()
                .lines()
                .find(|l| l.trim_start().starts_with("condition:"));
            assert_eq!(
                bicep_text(line.unwrap().trim().strip_prefix("condition: ").unwrap()),
                wanted[0]
            );

            for request in grant.pack(Form::Rest).unwrap().step(Step::Update).unwrap().split("\n\n")
            {
                if request.starts_with('{') {
                    let body: Json = serde_json::from_str(request).unwrap();
                    let condition = body["properties"]["condition"].as_str();
                    assert!(condition.is_none_or(|text| wanted.contains(&text.to_owned())));
                }
            }
        }
    }
}

fn terraform_conditions(grant: &Grant, form: Form) -> Vec<String> {
    let name = if form == Form::TerraformAzapi { "body" } else { "condition" };
    let pack = grant.pack(form).unwrap();
    let body = hcl::parse(pack.file("grant.tf").unwrap()).unwrap();
    let mut found = Vec::new();
    for block in body.blocks() {
        for attribute in block.body().attributes().filter(|a| a.key() == name) {
            let json = serde_json::to_value(evaluated(attribute.expr())).unwrap();
            found.extend(json.as_str().map(str::to_owned));
            found.extend(json["properties"]["condition"].as_str().map(str::to_owned));
        }
    }
    found
}

/// Evaluates an expression of Terraform.
fn evaluated(expr: &hcl::Expression) -> hcl::Value {
    use hcl::eval::Evaluate as _;
    let mut context = hcl::eval::Context::new();
    context.declare_var("local", hcl::value!({ "principal_id" = "id" }));
    expr.evaluate(&context).unwrap()
}

/// Decodes a string literal of Bicep.
fn bicep_text(quoted: &str) -> String {
    let inner = quoted.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
    let mut text = String::new();
    let mut characters = inner.chars().peekable();
    while let Some(c) = characters.next() {
        assert!(c != '\'', "{quoted}");
        match c {
            '\\' => match characters.next().unwrap() {
                'n' => text.push('\n'),
                c @ ('\'' | '\\' | '$') => text.push(c),
                c => panic!("\\{c}"),
            },
            '$' => {
                assert_ne!(characters.peek(), Some(&'{'), "{quoted}");
                text.push('$');
            }
            c => text.push(c),
        }
    }
    text
}

/// Returns the value of the attribute with this name.
fn attribute(block: &hcl::Block, name: &str) -> Option<String> {
    let found = block.body().attributes().find(|a| a.key() == name)?;
    Some(found.expr().to_string().trim_matches('"').to_owned())
}

#[test]
fn terraform_starts_from_an_empty_folder() {
    use azure_asset_sync::Cloud;
    for (cloud, environment) in
        [(Cloud::Public, "public"), (Cloud::UsGovernment, "usgovernment"), (Cloud::China, "china")]
    {
        let builder = Connection::builder("a").account("contosovision").container("training");
        let connection = builder.cloud(cloud).build().unwrap();
        for form in [Form::TerraformAzurerm, Form::TerraformAzapi] {
            for known in [false, true] {
                for shape in Shape::ALL {
                    let mut builder = builder_of(&connection, *shape);
                    if known {
                        builder = builder.principal(super::PRINCIPAL);
                    }
                    let pack = builder.build().unwrap().pack(form).unwrap();
                    let body = hcl::parse(pack.file("grant.tf").unwrap()).unwrap();
                    check_folder(&body, form, known, environment);
                }
            }
        }
    }
}

fn builder_of(connection: &Connection, shape: Shape) -> azure_asset_sync::grant::GrantBuilder {
    builder(connection).shape(shape)
}

fn check_folder(body: &hcl::Body, form: Form, known: bool, environment: &str) {
    let main = if form == Form::TerraformAzapi { "azapi" } else { "azurerm" };
    let mut wanted = vec![main];
    if !known {
        wanted.push("azuread");
    }
    let blocks: Vec<_> = body.blocks().collect();
    let terraform = blocks.iter().find(|b| b.identifier() == "terraform").unwrap();
    let required = terraform.body().blocks().next().unwrap();
    assert_eq!(required.identifier(), "required_providers");
    let providers: Vec<_> = required.body().attributes().map(|a| a.key().to_owned()).collect();
    assert_eq!(providers, wanted);
    for provider in required.body().attributes() {
        let text = provider.expr().to_string();
        assert!(text.contains("source") && text.contains("version"), "{text}");
    }
    for name in &wanted {
        let label = hcl::BlockLabel::from(*name);
        let provider = blocks
            .iter()
            .find(|b| b.identifier() == "provider" && b.labels()[0] == label)
            .unwrap_or_else(|| panic!("no provider {name}"));
        assert_eq!(attribute(provider, "environment").as_deref(), Some(environment));
        let has_features = provider.body().blocks().any(|b| b.identifier() == "features");
        assert_eq!(has_features, *name == "azurerm");
    }
    for block in &blocks {
        // Each resource belongs to a required provider, and `destroy` removes nothing that is shared.
        if matches!(block.identifier(), "resource" | "data") {
            let kind = block.labels()[0].as_str();
            assert!(wanted.iter().any(|name| kind.starts_with(name)), "{kind}");
            assert!(block.identifier() == "data" || !kind.starts_with("azuread"), "{kind}");
        }
    }
    assert!(!body.attributes().any(|_| true));
}

#[test]
fn terraform_neither_adopts_nor_destroys_shared_parts() {
    let connection = connection("");
    let grant = builder_of(&connection, Shape::ContainerAndDelegator).build().unwrap();
    let delegator = &grant.assignments()[1];
    for form in [Form::TerraformAzurerm, Form::TerraformAzapi] {
        let pack = grant.pack(form).unwrap();
        assert!(!pack.file("grant.tf").unwrap().contains(&delegator.role_id));
        assert!(pack.step(Step::Apply).unwrap().contains(&delegator.role_id));
        assert!(!pack.step(Step::Revoke).unwrap().contains("ad sp delete"));
        // A second plan compares with the ID in the response, which contains the subscription.
        let grant = builder_of(&connection, Shape::CustomRole).build().unwrap();
        let text = grant.pack(Form::TerraformAzapi).unwrap().file("grant.tf").unwrap().to_owned();
        let line = text.lines().find(|line| line.contains("roleDefinitionId ")).unwrap();
        assert!(
            line.contains(&format!(
                "\"/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/",
                super::SUBSCRIPTION
            )),
            "{line}"
        );
        assert!(text.contains("depends_on = [azapi_resource.role]"));
    }
}

#[test]
fn terraform_refuses_prefixes_that_it_would_normalize() {
    // A combining accent, a jamo sequence, a singleton, and marks in another order.
    for prefix in ["e\u{301}/", "\u{1112}\u{1161}/", "\u{212b}/", "a\u{323}\u{307}\u{301}\u{302}/"]
    {
        for shape in Shape::ALL {
            let grant = builder_of(&connection(prefix), *shape).build().unwrap();
            for form in Form::ALL {
                let is_terraform = matches!(form, Form::TerraformAzurerm | Form::TerraformAzapi);
                match grant.pack(*form) {
                    Ok(_) => assert!(!is_terraform || *form == Form::AzPowerShell, "{form}"),
                    Err(error) if is_terraform => {
                        assert!(error.to_string().contains("NFC"), "{error}");
                        assert!(error.fix().unwrap().contains("bash"), "{error}");
                    }
                    Err(error) => assert_eq!(*form, Form::AzPowerShell, "{error}"),
                }
            }
        }
    }
    let grant = builder(&connection("\u{e9}\u{4e2d}/")).build().unwrap();
    assert!(grant.pack(Form::TerraformAzapi).is_ok());
}

#[test]
fn a_template_uses_the_name_of_the_existing_assignment() {
    use super::azure::{Azure, Shell};
    let connection = connection("hall-3/");
    for form in [Form::Arm, Form::Bicep] {
        let grant = builder(&connection).build().unwrap();
        let pack = grant.pack(form).unwrap();
        let by_az = grant.pack(Form::AzBash).unwrap();
        let mut azure = Azure::new();
        let deployed = |azure: &Azure| {
            let call = azure.calls.iter().rfind(|call| call[0] == "deployment")?;
            call.iter().find_map(|a| a.strip_prefix("assignmentName0=").map(str::to_owned))
        };
        assert!(azure.paste(Shell::Bash, pack.step(Step::Apply).unwrap()).ok);
        assert_eq!(deployed(&azure).as_ref(), Some(&grant.assignments()[0].name));
        assert!(azure.paste(Shell::Bash, by_az.step(Step::Apply).unwrap()).ok);
        let id = azure.assignments[0]["id"].as_str().unwrap();
        let other = format!("{}/by-hand", id.rsplit_once('/').unwrap().0);
        azure.assignments[0]["id"] = other.into();
        for step in [Step::Apply, Step::Update] {
            assert!(azure.paste(Shell::Bash, pack.step(step).unwrap()).ok, "{form} {step:?}");
            assert_eq!(deployed(&azure).as_deref(), Some("by-hand"));
        }
        // An assignment of another grant stops the step, even if the condition is the same.
        azure.assignments[0]["description"] = "of another grant".into();
        let before = azure.calls.len();
        for condition in [azure.assignments[0]["condition"].clone(), "x".into()] {
            azure.assignments[0]["condition"] = condition;
            for step in [Step::Apply, Step::Update] {
                assert!(!azure.paste(Shell::Bash, pack.step(step).unwrap()).ok, "{form} {step:?}");
            }
        }
        assert!(azure.calls[before..].iter().all(|call| call[0] != "deployment"));
    }
}

#[test]
fn a_request_with_unfilled_placeholders_changes_nothing() {
    let grant = builder(&connection("")).origin("https://app.contoso.com").build().unwrap();
    let pack = grant.pack(Form::Rest).unwrap();
    let cors = pack.step(Step::Cors).unwrap();
    assert!(cors.starts_with("GET "), "{cors}");
    let body = cors.split("\n\n").find(|part| part.starts_with('{')).unwrap();
    let body: Json = serde_json::from_str(body).unwrap();
    let rules = body["properties"]["cors"]["corsRules"].as_array().unwrap();
    assert!(
        rules[0].is_string() && rules[1].is_object(),
        "the service refuses a text in place of a rule"
    );
    assert!(cors.find("replaces all rules") < cors.find("PUT "), "{cors}");
    for request in pack.step(Step::EndShared).unwrap().lines() {
        if request.starts_with("DELETE") || request.starts_with("POST") {
            assert!(request.contains('{'), "{request}");
        }
    }
    // The steps look assignments up, and delete or change the ones that were found.
    for step in [Step::Update, Step::Replace, Step::Revoke] {
        let text = pack.step(step).unwrap();
        assert!(text.contains("$filter=principalId%20eq%20"), "{text}");
        assert!(!text.contains(&grant.assignments()[0].name), "{text}");
    }
}
