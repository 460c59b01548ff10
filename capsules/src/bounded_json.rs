//! Values as JSON, as far as the limits allow.
//!
//! A `Serializer` that puts what it is given in its place at once, so that what has been read stands
//! when the limit of size ends the reading.

use std::any::type_name;
use std::fmt::{self, Write};

use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Number, Value};

use crate::limits::{Bounded, Captured, ELLIPSIS, Limits, REDACTED, cut};
use crate::secret::names_a_secret;

/// What a value counts beside its text: a number, or the punctuation of its place.
const NODE: usize = 4;

/// The value as JSON. What exceeds a limit is an ellipsis; a secret is not read.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T, limits: Limits) -> Captured<Value> {
    let mut budget = Budget::new(limits);
    let mut out = Value::Null;
    let filled = fill(value, &mut out, &mut budget, limits.depth);
    budget.captured(out, filled)
}

/// What is left of the limits while a value is read, and what was done about them.
struct Budget {
    limits: Limits,
    left: usize,
    cut: bool,
    secret: bool,
}

// What is compiled once for the values of all types.
impl Budget {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            left: limits.bytes,
            cut: false,
            secret: false,
        }
    }

    /// What has been read of a value.
    fn captured(mut self, mut out: Value, filled: Result<(), Stop>) -> Captured<Value> {
        if let Err(Stop::Failed(error)) = filled {
            let mut message = format!("<not serializable: {error}>");
            self.cut |= cut(&mut message, self.limits.text);
            out = message.into();
        }
        Captured {
            value: out,
            cut: self.cut,
            secret: self.secret,
        }
    }

    /// Whether a value of this type is to be read; its place is filled if not.
    fn begin(&mut self, type_name: &str, out: &mut Value) -> Result<bool, Stop> {
        if names_a_secret(type_name) {
            self.secret = true;
            *out = REDACTED.into();
            return Ok(false);
        }
        let Some(left) = self.left.checked_sub(NODE) else {
            self.cut = true;
            *out = ELLIPSIS.to_string().into();
            return Err(Stop::Full);
        };
        self.left = left;
        Ok(true)
    }

    /// What the reading of a value ended with; one that lies too deep does not end that of others.
    fn end(&mut self, ended: Result<(), Stop>, out: &mut Value) -> Result<(), Stop> {
        match ended {
            Err(Stop::Deep) => {
                self.cut = true;
                *out = ELLIPSIS.to_string().into();
                Ok(())
            }
            ended => ended,
        }
    }

    fn format(&mut self, arguments: fmt::Arguments<'_>, characters: usize) -> Result<String, Stop> {
        let mut text = Bounded::new(characters, self.left);
        let written = text.write_fmt(arguments);
        let (text, cut) = text.finish();
        if written.is_err() && !cut {
            return Err(ser::Error::custom("formatting failed"));
        }
        self.cut |= cut;
        self.left = self.left.saturating_sub(text.len());
        Ok(text)
    }
}

/// Why reading ends early.
#[derive(Debug)]
enum Stop {
    /// This value lies too deep; the next one may be read.
    Deep,
    /// Nothing more may be read.
    Full,
    /// The value's own error.
    Failed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deep => f.write_str("the value is too deep to be kept"),
            Self::Full => f.write_str("the value is too large to be kept"),
            Self::Failed(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: fmt::Display>(error: T) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Reads a value into its place, which holds an ellipsis afterwards if it has no room.
fn fill<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Value,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), Stop> {
    if !budget.begin(type_name::<T>(), out)? {
        return Ok(());
    }
    let ended = value.serialize(Place { out, budget, depth });
    budget.end(ended, out)
}

/// The place that a value is put in.
struct Place<'a> {
    out: &'a mut Value,
    budget: &'a mut Budget,
    depth: usize,
}

impl<'a> Place<'a> {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "what a serializer's methods return"
    )]
    fn put(self, value: impl Into<Value>) -> Result<(), Stop> {
        *self.out = value.into();
        Ok(())
    }

    fn items(self, variant: Option<&'static str>) -> Result<Items<'a>, Stop> {
        Ok(Items {
            depth: self.depth.checked_sub(1).ok_or(Stop::Deep)?,
            out: self.out,
            budget: self.budget,
            variant,
            read: Vec::new(),
        })
    }

    fn members(self, variant: Option<&'static str>) -> Result<Members<'a>, Stop> {
        Ok(Members {
            depth: self.depth.checked_sub(1).ok_or(Stop::Deep)?,
            out: self.out,
            budget: self.budget,
            variant,
            key: String::new(),
            read: Map::new(),
        })
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<(), Stop> {
            self.put(value)
        }
    )*};
}

impl<'a> Serializer for Place<'a> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Struct<'a>;
    type SerializeStructVariant = Struct<'a>;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_f32: f32,
        serialize_f64: f64,
    }

    fn serialize_i128(self, value: i128) -> Result<(), Stop> {
        match Number::from_i128(value) {
            Some(number) => self.put(number),
            None => self.put(value.to_string()),
        }
    }

    fn serialize_u128(self, value: u128) -> Result<(), Stop> {
        match Number::from_u128(value) {
            Some(number) => self.put(number),
            None => self.put(value.to_string()),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Stop> {
        self.put(value.to_string())
    }

    fn serialize_str(self, value: &str) -> Result<(), Stop> {
        self.collect_str(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), Stop> {
        let characters = self.budget.limits.text;
        let text = self.budget.format(format_args!("{value}"), characters)?;
        self.put(text)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Stop> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Stop> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        fill(value, self.out, self.budget, self.depth)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.put(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Stop> {
        self.put(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        fill(value, self.out, self.budget, self.depth)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        self.members(None)?.member(variant.to_owned(), value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'a>, Stop> {
        self.items(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'a>, Stop> {
        self.items(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'a>, Stop> {
        self.items(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'a>, Stop> {
        self.items(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Stop> {
        self.members(None)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Struct<'a>, Stop> {
        match name.strip_prefix("$serde_json::private::") {
            Some(_) => Ok(Struct::Json(self)),
            None => self.members(None).map(Struct::Members),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Struct<'a>, Stop> {
        self.members(Some(variant)).map(Struct::Members)
    }
}

/// An array that is being read. Its drop puts it in its place, also when the reading ends early.
struct Items<'a> {
    out: &'a mut Value,
    budget: &'a mut Budget,
    depth: usize,
    variant: Option<&'static str>,
    read: Vec<Value>,
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let mut item = Value::Null;
        let filled = fill(value, &mut item, self.budget, self.depth);
        self.read.push(item);
        filled
    }
}

impl Drop for Items<'_> {
    fn drop(&mut self) {
        let items = Value::Array(std::mem::take(&mut self.read));
        *self.out = of_variant(self.variant, items);
    }
}

macro_rules! arrays {
    ($($trait:ident::$method:ident,)*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.item(value)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        }
    )*};
}

arrays! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

/// An object that is being read, like [`Items`].
struct Members<'a> {
    out: &'a mut Value,
    budget: &'a mut Budget,
    depth: usize,
    variant: Option<&'static str>,
    key: String,
    read: Map<String, Value>,
}

impl Members<'_> {
    fn member<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), Stop> {
        let mut member = Value::Null;
        let filled = fill(value, &mut member, self.budget, self.depth);
        self.read.insert(key, member);
        filled
    }
}

impl Drop for Members<'_> {
    fn drop(&mut self) {
        let members = Value::Object(std::mem::take(&mut self.read));
        *self.out = of_variant(self.variant, members);
    }
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stop> {
        let mut read = Value::Null;
        let filled = fill(key, &mut read, self.budget, 0);
        self.key = match read {
            Value::String(key) => key,
            Value::Number(_) | Value::Bool(_) => read.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(ser::Error::custom("a key is neither a text nor a number"));
            }
        };
        if filled.is_err() {
            let key = std::mem::take(&mut self.key);
            self.read.insert(key, Value::Null);
        }
        filled
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let key = std::mem::take(&mut self.key);
        self.member(key, value)
    }

    fn end(self) -> Result<(), Stop> {
        Ok(())
    }
}

/// A struct, or a number or text that `serde_json` passes on as one.
enum Struct<'a> {
    Members(Members<'a>),
    Json(Place<'a>),
}

impl Struct<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Stop> {
        match self {
            Self::Members(members) => {
                members.budget.left = members.budget.left.saturating_sub(key.len());
                members.member(key.to_owned(), value)
            }
            Self::Json(place) => place.json(value),
        }
    }
}

impl Place<'_> {
    /// Puts what a text of JSON says. A text that is too long for that stays a text.
    fn json<T: Serialize + ?Sized>(&mut self, text: &T) -> Result<(), Stop> {
        let unlimited = Limits {
            text: usize::MAX,
            ..self.budget.limits
        };
        let limits = std::mem::replace(&mut self.budget.limits, unlimited);
        let filled = fill(text, self.out, self.budget, self.depth);
        self.budget.limits = limits;
        filled?;
        let Value::String(text) = &mut *self.out else {
            return Ok(());
        };
        if let Ok(number) = serde_json::from_str::<Number>(text) {
            *self.out = number.into();
        } else if let Ok(value) = serde_json::from_str::<Value>(text) {
            self.budget.left = self.budget.left.saturating_add(text.len());
            return fill(&value, self.out, self.budget, self.depth);
        } else {
            self.budget.cut |= cut(text, limits.text);
        }
        Ok(())
    }
}

macro_rules! structs {
    ($($trait:ident,)*) => {$(
        impl ser::$trait for Struct<'_> {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Stop> {
                self.field(key, value)
            }

            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        }
    )*};
}

structs! { SerializeStruct, SerializeStructVariant, }

fn of_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
        None => value,
    }
}
