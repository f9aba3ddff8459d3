//! Gives a type whose JSON is that of another type the schema of that type.

/// Implements `JsonSchema` for a type by the schema of the type that it is converted into for JSON.
macro_rules! schema_as {
    ($type:ident, $form:ty) => {
        #[cfg(feature = "schema")]
        impl ::schemars::JsonSchema for $type {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($type)).into()
            }

            fn json_schema(generator: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                <$form as ::schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
}

pub(crate) use schema_as;
