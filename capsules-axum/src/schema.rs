//! What the description says of bodies that are written as the text that is stored.

use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};

/// A sealed record.
pub(crate) enum Record {}

impl PartialSchema for Record {
    fn schema() -> RefOr<Schema> {
        let section = || {
            ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)))
        };
        let mut record = ObjectBuilder::new().description(Some(
            "A capsule's content as it was stored, and its seal. Numbers keep the spelling under \
             which they were sealed. A content that cannot be read is shown in `unreadable`.",
        ));
        for (name, schema) in [
            ("id", text("The capsule's id, a UUID.")),
            ("type", text("What kind of action it was.")),
            ("hash", text("SHA3-256 of the canonical content.")),
            ("signature", text("Ed25519 over the digits of the hash.")),
            (
                "signature_pq",
                text("ML-DSA-65 over the digits of the hash, or nothing."),
            ),
        ] {
            record = record.property(name, schema).required(name);
        }
        let integer = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .description(Some("The place in the chain, from 0."));
        record = record.property("sequence", integer).required("sequence");
        for (name, about) in [
            ("signed_at", "When it was sealed."),
            ("signed_by", "The fingerprint of the key that signed."),
        ] {
            record = record.property(name, nullable(about)).required(name);
        }
        for (name, about) in [
            ("previous_hash", "The hash of the record before it."),
            ("parent_id", "The capsule whose action caused this one's."),
        ] {
            record = record.property(name, nullable(about));
        }
        for name in [
            "trigger",
            "context",
            "reasoning",
            "authority",
            "execution",
            "outcome",
        ] {
            record = record.property(name, section());
        }
        record
            .property("unreadable", Ref::from_schema_name("UnreadableContent"))
            .into()
    }
}

impl ToSchema for Record {
    fn name() -> std::borrow::Cow<'static, str> {
        "SealedRecord".into()
    }
}

/// A content that is no JSON object.
pub(crate) enum UnreadableContent {}

impl PartialSchema for UnreadableContent {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some(
                "A content that is no JSON object: the store was damaged.",
            ))
            .property("reason", text("What is wrong with it."))
            .required("reason")
            .property("content", text("The text that is stored."))
            .required("content")
            .into()
    }
}

impl ToSchema for UnreadableContent {}

/// A page of sealed records.
pub(crate) enum Page {}

impl PartialSchema for Page {
    fn schema() -> RefOr<Schema> {
        let mut page = ObjectBuilder::new()
            .property(
                "capsules",
                ArrayBuilder::new().items(Ref::from_schema_name(Record::name())),
            )
            .required("capsules");
        for (name, about) in [
            ("total", "How many the filters select on all pages."),
            ("limit", "The most that the page may hold."),
            ("offset", "How many were passed over."),
        ] {
            let integer = ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::Integer))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0))
                .description(Some(about));
            page = page.property(name, integer).required(name);
        }
        page.into()
    }
}

impl ToSchema for Page {}

fn text(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(about))
}

fn nullable(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .description(Some(about))
}
